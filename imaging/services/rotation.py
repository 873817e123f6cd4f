"""Key rotation: every data key wrapped anew under the current key, the sealed data untouched.

It can end at any moment, by Ctrl-C, kill -9 or a power cut, and the next run goes on: what is done
is recognised by the key's id in its header. Readers and writers go on meanwhile.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from dermaclinic import audit
from dermaclinic.accounts import factor_secrets
from dermaclinic.accounts.actor import Actor, system_actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.sealing.keyring import Keyring
from imaging import key_checks
from imaging.vault import Vault, VaultError, VaultMissing
from patients import sealed

Progress = Callable[[], object]


@dataclass
class Outstanding:
    """What is not under the current key alone: how much, by the id of the key that it needs."""

    objects: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Of both; an object in the middle of being rewrapped counts once for its old key."""
        return self.objects.total() + self.values.total()


@dataclass
class Rotated:
    """What a run has done."""

    objects: int = 0
    values: int = 0
    retired: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def outstanding(store: Vault) -> Outstanding:
    """Count what still needs another key than the current one. Writes nothing."""
    found, current = Outstanding(), store.keyring.current_id
    for name in store.names():
        try:
            found.objects.update(store.key_ids(name) - {current})
        except VaultMissing:
            continue  # deleted meanwhile
        except VaultError:
            found.damaged.append(name)
    for clinic_id in _clinics():
        with clinic_context(clinic_id):
            found.values.update(sealed.key_ids(store.keyring))
    found.values.update(factor_secrets.key_ids(store.keyring))
    del found.values[current]
    return found


def rotate(store: Vault, *, progress: Progress = lambda: None) -> Rotated:
    """Rewrap all that is outstanding. `progress` is called for each object and each batch of rows.

    Objects that do not open are left as they are and named in the result. Keys that nothing needs
    any more are retired: the next start does not ask for them.
    """
    done, current = Rotated(), store.keyring.current_id
    for clinic_id in _clinics():
        with clinic_context(clinic_id):
            audit.started_key_rotation(_actor(clinic_id), to=current)
    key_checks.leave_answers(store)
    for name in store.names():
        with suppress(VaultMissing):  # deleted meanwhile
            try:
                done.objects += store.rewrap(name)
            except VaultMissing:
                raise
            except VaultError:
                done.damaged.append(name)
        progress()
    values = {clinic_id: _values(clinic_id, store.keyring, progress) for clinic_id in _clinics()}
    done.values = sum(values.values()) + factor_secrets.rewrap(store.keyring)
    progress()
    left = outstanding(store)
    if not left.total and not left.damaged:
        done.retired = sorted(key_checks.answered(store) - {current})
    for clinic_id, count in values.items():
        with clinic_context(clinic_id):
            audit.rotated_keys(
                _actor(clinic_id),
                to=current,
                objects=done.objects,
                values=count,
                retired=done.retired,
            )
    key_checks.forget_answers(store, done.retired)
    return done


def _values(clinic_id: uuid.UUID, keyring: Keyring, progress: Progress) -> int:
    """Rewrap a clinic's sealed columns, a transaction for each batch; how many values."""
    count, after = 0, None
    while True:
        with clinic_context(clinic_id):
            changed, after = sealed.rewrap_batch(keyring, after=after)
        count += changed
        progress()
        if after is None:
            return count


def _clinics() -> list[uuid.UUID]:
    return list(Clinic.objects.order_by("pk").values_list("pk", flat=True))


def _actor(clinic_id: uuid.UUID) -> Actor:
    return system_actor(clinic_id, task="rotate_keys")
