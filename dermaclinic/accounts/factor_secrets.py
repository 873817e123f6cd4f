"""The secrets behind time-based codes: the server must read them, so they are sealed at rest.

Under the keys of the vault, bound to the person: a row copied to another account does not open.
"""

import base64
import uuid
from collections import Counter
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from dermaclinic.sealing import envelope
from dermaclinic.sealing.installed import keyring
from dermaclinic.sealing.keyring import Keyring


def sealed(user_id: uuid.UUID, secret: str) -> str:
    """A secret as it may stand in the database."""
    return base64.b64encode(envelope.seal(keyring(), _name(user_id), secret.encode())).decode()


def opened(row: Authenticator) -> str:
    """The secret of a row of time-based codes; VaultError when it is not what was sealed."""
    return envelope.unseal(keyring(), _name(row.user_id), _envelope(row)).decode()


def key_ids(keys: Keyring) -> Counter[str]:
    """How many secrets need which key of the vault."""
    return Counter(envelope.key_id_of(_name(row.user_id), _envelope(row)) for row in _rows())


def rewrap(keys: Keyring) -> int:
    """Wrap every secret's data key under the current key, a transaction each; how many."""
    return sum(_rewrap(keys, row.pk) for row in list(_rows().only("pk")))


def _rewrap(keys: Keyring, pk: int) -> bool:
    with transaction.atomic():
        row = _rows().select_for_update().filter(pk=pk).first()
        if row is None:
            return False
        before = _envelope(row)
        after = envelope.rewrap(keys, _name(row.user_id), before)
        if after != before:
            row.data["secret"] = base64.b64encode(after).decode()
            row.save(update_fields=["data"])
        return after != before


def _rows() -> Any:
    return Authenticator.objects.filter(type=Authenticator.Type.TOTP)


def _envelope(row: Authenticator) -> bytes:
    return base64.b64decode(row.data["secret"])


def _name(user_id: uuid.UUID) -> str:
    return f"accounts.factor:{user_id}"
