"""Key management outside of this installation: what wraps the key-encryption keys themselves.

The environment then holds keys that are of no use to whoever reads them. A process asks once, when
it starts, and keeps the opened keys in memory: asking for each thumbnail would be too slow, and
would stop the clinic whenever the management is away.

A hospital's own (a cloud's KMS, an HSM) is a class with these methods, named by VAULT_KMS.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermaclinic.sealing.keyring import KEY_BYTES, VaultKeyMissing, key_of

_NONCE = 12


class KeyManagement(ABC):
    """Wraps and unwraps 32-byte keys; each is bound to its id."""

    @classmethod
    @abstractmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "KeyManagement":
        """Make one from its own settings. Raises VaultKeyMissing with a sentence."""

    @abstractmethod
    def wrap(self, key_id: str, key: bytes) -> bytes:
        """Return the key so that only `unwrap` with the same id gives it back."""

    @abstractmethod
    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Return the 32 bytes. Raises VaultKeyMissing when it cannot, saying which id."""


class FileKeyManagement(KeyManagement):
    """A master key in a file (VAULT_MASTER_KEY_FILE), on a medium that backups never see."""

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(master)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "FileKeyManagement":
        from dermaclinic.sealing.sources import read_file

        path = environment.get("VAULT_MASTER_KEY_FILE", "")
        if not path:
            raise VaultKeyMissing("VAULT_MASTER_KEY_FILE is not set: name the master key's file.")
        text = read_file(Path(path), "VAULT_MASTER_KEY_FILE")
        return cls(key_of(text, "The key in VAULT_MASTER_KEY_FILE"))

    def wrap(self, key_id: str, key: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, key, _bound(key_id))

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        try:
            key = self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound(key_id))
        except (InvalidTag, ValueError) as error:
            raise VaultKeyMissing(
                f"The master key does not open the key {key_id!r}: it is another one's."
            ) from error
        if len(key) != KEY_BYTES:
            raise VaultKeyMissing(f"The wrapped key {key_id!r} is not {KEY_BYTES} bytes long.")
        return key


def _bound(key_id: str) -> bytes:
    return b"dermaclinic key management v1\0" + key_id.encode()
