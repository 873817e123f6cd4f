"""The header of a sealed file, made to be replaced in place: two slots, then the sealed data.

    slot 0 (512 bytes) | slot 1 (512 bytes) | nonce | sealed data

A slot holds the wrapped data key with a sequence number and a checksum, in a disk sector of its
own. To rewrap, the new wrapping goes into the free slot; once it is on the disk the old slot is
wiped. Whatever the moment of a crash, one slot is whole: a torn one fails its checksum.
"""

import struct
import zlib
from dataclasses import dataclass

from dermaclinic.sealing import envelope
from dermaclinic.sealing.keyring import KEY_ID, Keyring, VaultCorrupt, VaultError

SLOT = 512
HEADER = 2 * SLOT
MAGIC = b"DCVAULT\x02"
EMPTY = bytes(SLOT)
_FIELDS = struct.Struct(f">8sIB32s{envelope.WRAPPED}s")
_CHECKSUM = struct.Struct(">I")


@dataclass(frozen=True)
class Slot:
    """A whole slot: where it stands (0 or 1), and the data key wrapped under a key."""

    place: int
    sequence: int
    key_id: str
    wrapped: bytes

    def pack(self) -> bytes:
        """The slot's 512 bytes."""
        key_id = self.key_id.encode()
        fields = _FIELDS.pack(MAGIC, self.sequence, len(key_id), key_id, self.wrapped)
        body = fields.ljust(SLOT - _CHECKSUM.size, b"\0")
        return body + _CHECKSUM.pack(zlib.crc32(body))


def read(header: bytes) -> list[Slot]:
    """Return the whole slots of a header, the newest first; a torn or empty slot is none."""
    found = [_read(place, header[place * SLOT : (place + 1) * SLOT]) for place in (0, 1)]
    return sorted(filter(None, found), key=lambda slot: -slot.sequence)


def _read(place: int, raw: bytes) -> Slot | None:
    body, checksum = raw[: -_CHECKSUM.size], raw[-_CHECKSUM.size :]
    if len(raw) != SLOT or _CHECKSUM.pack(zlib.crc32(body)) != checksum:
        return None
    magic, sequence, length, key_id, wrapped = _FIELDS.unpack_from(body)
    text = key_id[:length].decode("ascii", "replace")
    if magic != MAGIC or not KEY_ID.fullmatch(text):
        return None
    return Slot(place, sequence, text, wrapped)


def first(keyring: Keyring, name: str, data_key: bytes) -> bytes:
    """Return the header of a new file."""
    return Slot(0, 1, *envelope.wrap(keyring, name, data_key)).pack() + EMPTY


def data_key(keyring: Keyring, name: str, header: bytes) -> bytes:
    """Return the data key, from the newest slot that opens. VaultCorrupt or VaultKeyMissing.

    While keys rotate there may be two: a process that has not been given the new key reads the old.
    """
    troubles: list[VaultError] = []
    for slot in read(header):
        try:
            return envelope.unwrap(keyring, name, slot.key_id, slot.wrapped)
        except VaultError as error:
            troubles.append(error)
    raise next(iter(troubles), VaultCorrupt(f"Object {name} is no envelope of this vault."))


def successor(keyring: Keyring, name: str, slots: list[Slot]) -> Slot | None:
    """Return the slot to be written so that the current key opens the file; None if it does."""
    newest = slots[0]
    if newest.key_id == keyring.current_id:
        return None
    key = envelope.unwrap(keyring, name, newest.key_id, newest.wrapped)
    return Slot(1 - newest.place, newest.sequence + 1, *envelope.wrap(keyring, name, key))
