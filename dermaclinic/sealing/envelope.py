"""The envelope of a short sealed thing, as in a database column: header, wrapped data key, data.

    DCVAULT 1 | length of the key's id | key's id | nonce | wrapped data key | nonce | sealed data

The associated data of both parts hold the name; that of the data does not hold the key's id, so
that the data key can be wrapped anew while the data stay as they are.
"""

import secrets
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermaclinic.sealing.keyring import KEY_BYTES, KEY_ID, Keyring, VaultCorrupt

NONCE, TAG = 12, 16
MAGIC = b"DCVAULT\x01"  # the last byte is the format's version
WRAPPED = NONCE + KEY_BYTES + TAG


def bound(purpose: bytes, name: str, *more: bytes) -> bytes:
    """What a sealed part is bound to."""
    return b"\0".join([MAGIC, purpose, name.encode(), *more])


def seal_data(name: str, data: bytes) -> tuple[bytes, bytes]:
    """Return a fresh data key, and the data sealed with it behind their nonce."""
    data_key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE)
    return data_key, nonce + AESGCM(data_key).encrypt(nonce, data, bound(b"data", name))


def open_data(name: str, data_key: bytes, sealed: bytes) -> bytes:
    """Open what `seal_data` made. Raises VaultCorrupt."""
    try:
        return AESGCM(data_key).decrypt(sealed[:NONCE], sealed[NONCE:], bound(b"data", name))
    except (InvalidTag, ValueError) as error:
        raise VaultCorrupt(f"Object {name} is not what was sealed.") from error


def wrap(keyring: Keyring, name: str, data_key: bytes) -> tuple[str, bytes]:
    """Return the current key's id, and the data key wrapped under it behind its nonce."""
    key_id, nonce = keyring.current_id, secrets.token_bytes(NONCE)
    cipher = AESGCM(keyring.key(key_id))
    return key_id, nonce + cipher.encrypt(nonce, data_key, bound(b"key", name, key_id.encode()))


def unwrap(keyring: Keyring, name: str, key_id: str, wrapped: bytes) -> bytes:
    """Return the data key. VaultKeyMissing without the key, VaultCorrupt with a wrong one."""
    try:
        return AESGCM(keyring.key(key_id)).decrypt(
            wrapped[:NONCE], wrapped[NONCE:], bound(b"key", name, key_id.encode())
        )
    except InvalidTag as error:
        raise VaultCorrupt(f"Object {name} does not open under key {key_id!r}.") from error


def seal(keyring: Keyring, name: str, data: bytes) -> bytes:
    """Return the envelope: header, wrapped data key, sealed data, all bound to ``name``."""
    data_key, sealed = seal_data(name, data)
    return _header(*wrap(keyring, name, data_key)) + sealed


def unseal(keyring: Keyring, name: str, envelope: bytes) -> bytes:
    """Open an envelope. Raises VaultCorrupt or VaultKeyMissing."""
    key_id, wrapped, sealed = split(name, envelope)
    return open_data(name, unwrap(keyring, name, key_id, wrapped), sealed)


def rewrap(keyring: Keyring, name: str, envelope: bytes) -> bytes:
    """Return the envelope with its data key under the current key, and the data untouched.

    An envelope that is under the current key comes back as it is.
    """
    key_id, wrapped, sealed = split(name, envelope)
    if key_id == keyring.current_id:
        return envelope
    return _header(*wrap(keyring, name, unwrap(keyring, name, key_id, wrapped))) + sealed


def key_id_of(name: str, envelope: bytes) -> str:
    """Return the id of the key that an envelope needs. Raises VaultCorrupt."""
    return split(name, envelope)[0]


def _header(key_id: str, wrapped: bytes) -> bytes:
    return MAGIC + struct.pack("B", len(key_id)) + key_id.encode() + wrapped


def split(name: str, envelope: bytes) -> tuple[str, bytes, bytes]:
    """Return the key's id, the wrapped data key and the sealed data, each with its nonce."""
    fixed = len(MAGIC) + 1
    length = envelope[fixed - 1] if len(envelope) >= fixed else 0
    start = fixed + length
    end = start + WRAPPED
    key_id = envelope[fixed:start].decode("ascii", "replace")
    is_ours = envelope.startswith(MAGIC) and KEY_ID.fullmatch(key_id)
    if not is_ours or len(envelope) < end + NONCE + TAG:
        raise VaultCorrupt(f"Object {name} is no envelope of this vault.")
    return key_id, envelope[start:end], envelope[end:]
