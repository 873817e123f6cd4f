"""The first directory of a TIFF structure (TIFF 6.0, section 2): EXIF and MPF blocks are ones."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SHORT, LONG = 3, 4
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


@dataclass(frozen=True)
class Entry:
    """One directory entry; ``field`` is its four-byte value or offset, ``order`` struct's sign."""

    tag: int
    kind: int
    count: int
    field: bytes
    order: str

    def number(self) -> int:
        """The value of a single SHORT or LONG, or the offset of a longer value."""
        code = "H" if self.kind == SHORT and self.count == 1 else "I"
        return int(struct.unpack_from(self.order + code, self.field)[0])


def entries(block: bytes) -> Iterator[Entry]:
    """Yield the entries of the first directory, as far as the block reaches."""
    order = _ORDERS.get(block[:4])
    if order is None:
        return
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for index in range(count):
            place = start + 2 + 12 * index
            tag, kind, number, field = struct.unpack_from(order + "HHI4s", block, place)
            yield Entry(tag, kind, number, field, order)
    except struct.error:
        return
