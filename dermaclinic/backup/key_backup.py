"""The keys' own backup: a small text, sealed with a passphrase, to be kept apart from all others.

Without the vault's keys no image, no report, no contact data and no backup opens, ever.
The passphrase becomes a key by scrypt (RFC 7914; N = 2¹⁷, r = 8, p = 1: 128 MiB for each guess).
"""

import base64
import json
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dermaclinic.backup.postgres import BackupError

FORMAT = "dermaclinic key backup 1"
COST = {"n": 1 << 17, "r": 8, "p": 1}
SHORTEST = 16  # characters of a passphrase: five words or so
_NONCE, _KEY = 12, 32


def seal(keys: dict[str, str], passphrase: str) -> str:
    """Return the sealed text, which may be printed. BackupError for a passphrase that is short."""
    if len(passphrase) < SHORTEST:
        raise BackupError(f"The passphrase needs at least {SHORTEST} characters: take five words.")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE)
    head = {"format": FORMAT, "scrypt": COST, "salt": _text(salt), "nonce": _text(nonce)}
    cipher = AESGCM(_key(passphrase, salt, COST))
    sealed = cipher.encrypt(nonce, json.dumps(keys).encode(), _bound(head))
    return json.dumps({**head, "sealed": _text(sealed)}, indent=1) + "\n"


def open_(text: str, passphrase: str) -> dict[str, str]:
    """Return the keys by the names of their settings. BackupError when it does not open."""
    try:
        head = json.loads(text)
        sealed = base64.b64decode(head.pop("sealed"))
        salt, nonce = base64.b64decode(head["salt"]), base64.b64decode(head["nonce"])
        known = head["format"] == FORMAT and head["scrypt"] == COST
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError("This is no key backup.") from error
    if not known:
        raise BackupError("This key backup is of another version.")
    try:
        found = AESGCM(_key(passphrase, salt, COST)).decrypt(nonce, sealed, _bound(head))
    except (InvalidTag, ValueError) as error:
        raise BackupError("The passphrase is another one, or the key backup is damaged.") from error
    keys: dict[str, str] = json.loads(found)
    return keys


def _key(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    return Scrypt(salt=salt, length=_KEY, **cost).derive(passphrase.encode())


def _bound(head: Mapping[str, object]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
