"""The keys that sign events and seals. The first of a ring signs; the others still verify.

A ring is `id:base64,id:base64,…`. What is signed keeps the id of its key, so that a new key in
front changes nothing about what stands. A bare base64 text is the key `1`.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MIN_BYTES = 32
MAX_ID = 20  # as the columns


class KeyMissing(RuntimeError):
    """A ring is empty, malformed, or lacks the key that something was signed with."""


@dataclass(frozen=True)
class Keyring:
    """Keys by id; `current` is the id of the one that signs."""

    current: str
    keys: Mapping[str, bytes]

    def sign(self, content: bytes) -> bytes:
        """HMAC-SHA256 of the content under the current key, 32 bytes."""
        return hmac.digest(self.keys[self.current], content, "sha256")

    def verifies(self, key_id: str, content: bytes, mac: bytes) -> bool:
        """Is this the content's signature under that key? An unknown key verifies nothing."""
        key = self.keys.get(key_id)
        return key is not None and hmac.compare_digest(hmac.digest(key, content, "sha256"), mac)


@lru_cache
def parse(name: str, text: str) -> Keyring:
    """Read a ring from the setting `name`; KeyMissing says what is wrong with it, never a key."""
    found: dict[str, bytes] = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, encoded = each.rpartition(":")
        key_id = key_id if colon else "1"
        if not 0 < len(key_id) <= MAX_ID or key_id in found:
            raise KeyMissing(f"{name} needs entries of the form id:base64, ids short and unique.")
        try:
            found[key_id] = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise KeyMissing(f"{name}: the key {key_id} is not base64.") from None
        if len(found[key_id]) < MIN_BYTES:
            raise KeyMissing(f"{name}: the key {key_id} has fewer than {MIN_BYTES} bytes.")
    if not found:
        raise KeyMissing(f"{name} is not set: give at least one key as id:base64.")
    return Keyring(next(iter(found)), found)


def event_keys() -> Keyring:
    """AUDIT_EVENT_KEY: of the processes that write events."""
    from django.conf import settings

    return parse("AUDIT_EVENT_KEY", settings.AUDIT_EVENT_KEY)


def seal_keys() -> Keyring:
    """AUDIT_SEAL_KEY: of the sealer alone."""
    from django.conf import settings

    return parse("AUDIT_SEAL_KEY", settings.AUDIT_SEAL_KEY)
