"""The secrets behind time-based codes: the server must read them, so they are sealed at rest.

Under the keys of the vault, bound to the person: a row copied to another account does not open.
"""

import base64
import uuid

from allauth.mfa.models import Authenticator
from django.conf import settings

from dermaclinic.sealing import envelope
from dermaclinic.sealing.keyring import Keyring


def sealed(user_id: uuid.UUID, secret: str) -> str:
    """A secret as it may stand in the database."""
    return base64.b64encode(envelope.seal(_keyring(), _name(user_id), secret.encode())).decode()


def opened(row: Authenticator) -> str:
    """The secret of a row of time-based codes; VaultError when it is not what was sealed."""
    sealed_bytes = base64.b64decode(row.data["secret"])
    return envelope.unseal(_keyring(), _name(row.user_id), sealed_bytes).decode()


def _keyring() -> Keyring:
    return Keyring.parse(settings.VAULT_KEYS, settings.VAULT_NAMING_KEY)


def _name(user_id: uuid.UUID) -> str:
    return f"accounts.factor:{user_id}"
