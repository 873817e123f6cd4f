"""The keyring of this installation, from Django's settings."""

from functools import lru_cache

from django.conf import settings

from dermaclinic.sealing import sources
from dermaclinic.sealing.keyring import Keyring


@lru_cache(maxsize=4)
def _keyring(keys: str, naming_key: str, kms: str) -> Keyring:
    return sources.keyring(keys, naming_key, kms)


def keyring() -> Keyring:
    """The keys as the settings give them; VaultKeyMissing with a sentence when they do not."""
    return _keyring(settings.VAULT_KEYS, settings.VAULT_NAMING_KEY, settings.VAULT_KMS)
