"""Are these the keys of this vault? Asked when a process starts, so that it says so, not an image.

Beside the objects lies a known answer for each key that has sealed any: a text that only this key
opens, under the key's id, and a value derived from the naming key. A key that is wrong, missing or
the demo's is told in a sentence, and web and workers do not start.
"""

import hmac
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from dermaclinic.sealing import envelope
from dermaclinic.sealing.keyring import Keyring, VaultCorrupt, VaultError, VaultKeyMissing
from imaging.storage import vault
from imaging.vault import Vault

NAMING = "naming"
KEY = "key-"  # and the id of the key
ANSWER = b"dermaclinic: this key is the right one"
DEMO_IDS = {"demo", "test", "example"}
OPENS_IMAGES = ("web", "worker")


def refuse_wrong_keys() -> None:
    """For the start of web and workers. ImproperlyConfigured with a sentence for each trouble.

    The first start with a new current key leaves its known answer.
    """
    try:
        store = vault()
    except VaultKeyMissing as error:
        raise ImproperlyConfigured(str(error)) from error
    if found := [*demo_keys(store.keyring), *wrong_keys(store)]:
        raise ImproperlyConfigured(" ".join(found))
    leave_answers(store)


def system_check(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """The same for `manage.py check`, by the roles that open images. Writes nothing."""
    if settings.DATABASE_ROLE not in OPENS_IMAGES:
        return []
    try:
        store = vault()
        found = [*demo_keys(store.keyring), *wrong_keys(store)]
    except VaultError as error:
        found = [str(error)]
    return [checks.Error(sentence, id="imaging.E001") for sentence in found]


def demo_keys(keyring: Keyring) -> Iterator[str]:
    """A sentence for each key that may guard a demo, but no patient."""
    if not settings.VAULT_REFUSES_DEMO_KEYS:
        return
    for key_id in keyring.keys:
        if key_id in DEMO_IDS:
            yield _("VAULT_KEYS holds a demo's key (%(id)s): make one of your own.") % {
                "id": key_id
            }
    for name, key in [*keyring.keys.items(), ("VAULT_NAMING_KEY", keyring.naming_key)]:
        if len(set(key)) < 16:  # of 32 random bytes, 30 differ; fewer than 16 never happens
            yield _("The key %(id)s is not random: make it from 32 random bytes.") % {"id": name}
    keys = [*keyring.keys.values(), keyring.naming_key]
    if len(set(keys)) < len(keys):
        yield _("Two of the vault's keys are the same: each needs random bytes of its own.")


def wrong_keys(store: Vault) -> Iterator[str]:
    """A sentence for each key that is not the one with which this vault was sealed."""
    keyring, notes = store.keyring, store.notes()
    for note, answer in notes.items():
        if note == NAMING:
            if not hmac.compare_digest(answer, _naming_answer(keyring)):
                yield _("VAULT_NAMING_KEY is not the key with which this vault was named.")
        elif (key_id := note.removeprefix(KEY)) not in keyring.keys:
            yield _("The vault is sealed under the key %(id)s, which VAULT_KEYS does not hold.") % {
                "id": key_id
            }
        elif not _opens(keyring, key_id, answer):
            yield _(
                "The key %(id)s in VAULT_KEYS is not the one with which the vault was sealed."
            ) % {"id": key_id}
    if not notes:
        yield from _first_object(store)


def _first_object(store: Vault) -> Iterator[str]:
    """A vault from before there were known answers: one of its objects has to do."""
    name = next(iter(store.names()), None)
    if name is None:
        return
    try:
        store.get(name)
    except VaultKeyMissing:
        ids = ", ".join(sorted(store.key_ids(name)))
        yield _("The vault is sealed under the key %(id)s, which VAULT_KEYS does not hold.") % {
            "id": ids
        }
    except VaultCorrupt:
        yield _(
            "An object of the vault does not open: VAULT_KEYS holds wrong keys, or it is damaged."
        )


def leave_answers(store: Vault) -> None:
    """Keep the known answers of the current key and of the naming key."""
    key_id = store.keyring.current_id
    store.note(KEY + key_id, envelope.seal(store.keyring, _bound(key_id), ANSWER))
    store.note(NAMING, _naming_answer(store.keyring))


def forget_answers(store: Vault, key_ids: Iterable[str]) -> None:
    """After a rotation: the keys are needed no more, and need not be there at the next start."""
    for key_id in key_ids:
        store.forget(KEY + key_id)


def answered(store: Vault) -> set[str]:
    """The ids of the keys that a start of this vault asks for."""
    return {note.removeprefix(KEY) for note in store.notes() if note.startswith(KEY)}


def _opens(keyring: Keyring, key_id: str, answer: bytes) -> bool:
    try:
        return envelope.unseal(keyring, _bound(key_id), answer) == ANSWER
    except VaultError:
        return False


def _bound(key_id: str) -> str:
    return f"known answer/{key_id}"


def _naming_answer(keyring: Keyring) -> bytes:
    return keyring.derive(b"naming key's known answer v1")
