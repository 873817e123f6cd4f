"""The keys: key-encryption keys by id, and the one that names and blind indexes derive from."""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class VaultError(Exception):
    """Something is wrong with what is sealed or with its keys, never with what a user sent."""


class VaultMissing(VaultError):
    """There is no object of that name."""


class VaultCorrupt(VaultError):
    """An object is not what was sealed under its name."""


class VaultKeyMissing(VaultError):
    """Something was sealed under a key that the keyring does not hold, or keys are not set up."""


@dataclass(frozen=True)
class Keyring:
    """Key-encryption keys by id, the current one first, and the key that names derive from."""

    keys: Mapping[str, bytes] = field(repr=False)
    naming_key: bytes = field(repr=False)

    @classmethod
    def parse(cls, keys: str, naming_key: str) -> "Keyring":
        """Read ``id:base64,id:base64`` (the first is current) and the base64 naming key.

        Raises VaultKeyMissing with a sentence that names the setting, never the key.
        """
        found = {
            key_id: key_of(text, f"VAULT_KEYS, key {key_id},")
            for key_id, text in entries(keys).items()
        }
        return cls(found, key_of(naming_key, "VAULT_NAMING_KEY"))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Keyring":
        """Read VAULT_KEYS and VAULT_NAMING_KEY."""
        source = os.environ if environment is None else environment
        return cls.parse(source.get("VAULT_KEYS", ""), source.get("VAULT_NAMING_KEY", ""))

    @property
    def current_id(self) -> str:
        return next(iter(self.keys))

    def key(self, key_id: str) -> bytes:
        try:
            return self.keys[key_id]
        except KeyError:
            raise VaultKeyMissing(f"The keyring holds no key {key_id!r}.") from None

    def name_for(self, clinic_id: UUID | str, patient_id: UUID | str, sha256: str) -> str:
        """Return the name of a patient's content: 64 hex digits.

        HMAC-SHA256 under a key derived for the clinic (HKDF, RFC 5869). Keys rotate, names stay.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError("A SHA-256 is 64 lower-case hex digits.")
        clinic_key = self.derive(b"vault names v1", clinic_id)
        message = f"{patient_id}\0{sha256}".encode()
        return hmac.new(clinic_key, message, hashlib.sha256).hexdigest()

    def blind_index(self, clinic_id: UUID | str, column: str, value: str) -> bytes:
        """Return 32 bytes that tell whether two values of a clinic are equal, and nothing else.

        HMAC-SHA256 under a key of the clinic and the column (HKDF). It derives from the naming key,
        which never rotates: an index must stay comparable. Normalise `value` before.
        """
        key = self.derive(b"blind index v1 " + column.encode(), clinic_id)
        return hmac.digest(key, value.encode(), "sha256")

    def derive(self, purpose: bytes, clinic_id: UUID | str = "") -> bytes:
        """Return a key of its own for a purpose and a clinic, from the naming key."""
        info = b"dermaclinic " + purpose + b"\0" + str(clinic_id).encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self.naming_key)


def entries(keys: str) -> dict[str, str]:
    """Split ``id:base64,id:base64`` (commas or line ends between them), in order.

    Raises VaultKeyMissing when there is none, or an id is malformed or stands twice.
    """
    found: dict[str, str] = {}
    for entry in filter(None, (each.strip() for each in re.split(r"[,\n]", keys))):
        key_id, _colon, text = entry.partition(":")
        if not KEY_ID.fullmatch(key_id) or key_id in found:
            raise VaultKeyMissing("VAULT_KEYS needs entries of the form id:base64, ids unique.")
        found[key_id] = text
    if not found:
        raise VaultKeyMissing("VAULT_KEYS is not set: give at least one key as id:base64.")
    return found


def key_of(text: str, where: str) -> bytes:
    """Decode the base64 of a key. Raises VaultKeyMissing, naming `where` it should have been."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise VaultKeyMissing(f"{where} must be the base64 of {KEY_BYTES} random bytes.")
    return key
