"""A sealed stream of any length, such as a backup: in chunks, none of which can be cut, swapped or
left out unnoticed.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): chunk i is sealed with
AES-256-GCM under a data key of this stream alone, the nonce being i and whether it is the last. Its
associated data is the header, which holds the data key wrapped under a key of the keyring.
"""

import secrets
import struct
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dermaclinic.sealing import envelope
from dermaclinic.sealing.keyring import KEY_BYTES, KEY_ID, Keyring, VaultCorrupt

MAGIC = b"DCSTRM\x00\x01"
CHUNK = 1 << 20
_HEADER = struct.Struct(f">8s16sB32s{envelope.WRAPPED}s")
_CUT = "The file is cut off or damaged: it is not whole as it was sealed."


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class Writer:
    """Seals what is written. Only `finish` makes the stream whole; without it, it reads as cut."""

    def __init__(self, out: IO[bytes], keyring: Keyring) -> None:
        identity, key = secrets.token_bytes(16), secrets.token_bytes(KEY_BYTES)
        key_id, wrapped = envelope.wrap(keyring, _name(identity), key)
        text = key_id.encode()
        self._header = _HEADER.pack(MAGIC, identity, len(text), text, wrapped)
        self._out, self._cipher = out, AESGCM(key)
        self._waiting, self._number = bytearray(), 0
        out.write(self._header)

    def write(self, data: bytes) -> int:
        """Take bytes of any length."""
        self._waiting += data
        while len(self._waiting) > CHUNK:  # the last chunk stays until it is known to be the last
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Seal the last chunk, as such."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last=last)
        self._out.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._number += 1


class Reader:
    """Opens what `Writer` made, in order. Raises VaultCorrupt at the first chunk that is not right,
    and at the end of a file that was cut off; VaultKeyMissing without its key."""

    def __init__(self, source: IO[bytes], keyring: Keyring) -> None:
        header = source.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(MAGIC):
            raise VaultCorrupt("This is no sealed stream.")
        _magic, identity, length, text, wrapped = _HEADER.unpack(header)
        self.key_id = text[:length].decode("ascii", "replace")
        if not KEY_ID.fullmatch(self.key_id):
            raise VaultCorrupt("This is no sealed stream.")
        key = envelope.unwrap(keyring, _name(identity), self.key_id, wrapped)
        self._chunks = _open(source, AESGCM(key), header)
        self._waiting = bytearray()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer only at the end."""
        while size < 0 or len(self._waiting) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._waiting += chunk
        end = len(self._waiting) if size < 0 else size
        taken = bytes(self._waiting[:end])
        del self._waiting[:end]
        return taken


def _open(source: IO[bytes], cipher: AESGCM, header: bytes) -> Iterator[bytes]:
    sealed, number = source.read(CHUNK + envelope.TAG), 0
    while True:
        following = source.read(CHUNK + envelope.TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), sealed, header)
        except (InvalidTag, ValueError) as error:
            raise VaultCorrupt(_CUT) from error
        if not following:
            return
        sealed, number = following, number + 1


def _name(identity: bytes) -> str:
    return f"stream/{identity.hex()}"
