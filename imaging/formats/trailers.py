"""What may stand behind the end of a JPEG: padding, and the second pictures phones append.

Phones add a gain map or preview (MPF, CIPA DC-007) or a small block of notes (Samsung's SEF).
Both are dropped, for the picture is whole without them. Anything else is a second file in the
same coat.
"""

import struct

from imaging.formats import tiff


def is_harmless(data: bytes, end: int, mpf: tuple[int, bytes] | None) -> bool:
    """Tell whether the bytes from ``end`` on are padding or second pictures that are accounted for.

    ``mpf`` is the position of the MPF block's TIFF header in the file and its bytes.
    """
    tail = memoryview(data)[end:]
    if _is_padding(tail):
        return True
    if mpf is not None:
        return _covered_by_pictures(data, end, *mpf)
    return _is_samsung_notes(bytes(tail).rstrip(b"\0"))


def _is_padding(block: memoryview) -> bool:
    return not bytes(block).strip(b"\0\r\n")


def _covered_by_pictures(data: bytes, end: int, base: int, block: bytes) -> bool:
    position = end
    for start, size in sorted(_mpf_entries(block)):
        if start == 0:  # the first picture itself
            continue
        start += base
        stop = start + size
        picture = data[start:stop].rstrip(b"\0")
        if start < position or not picture.startswith(b"\xff\xd8\xff"):
            return False
        if not picture.endswith(b"\xff\xd9") or not _is_padding(memoryview(data)[position:start]):
            return False
        position = stop
    return end < position <= len(data) and _is_padding(memoryview(data)[position:])


def _mpf_entries(block: bytes) -> list[tuple[int, int]]:
    """Offset and size of each picture in the MP Index IFD (tag 0xB002)."""
    for entry in tiff.entries(block):
        if entry.tag == 0xB002:
            start = entry.number()
            listed = block[start : start + entry.count // 16 * 16]
            records = struct.iter_unpack(entry.order + "IIII", listed)
            return [(offset, length) for _attribute, length, offset, _depends in records]
    return []


def _is_samsung_notes(tail: bytes) -> bool:
    """SEF: data blocks, then a directory that counts back to the first of them, then "SEFT".

    A block that holds a video (a motion photo) is no note.
    """
    if not tail.endswith(b"SEFT") or len(tail) < 20:
        return False
    (length,) = struct.unpack_from("<I", tail, len(tail) - 8)
    directory = len(tail) - 8 - length
    if directory < 0 or tail[directory : directory + 4] != b"SEFH" or b"ftyp" in tail:
        return False
    try:
        (count,) = struct.unpack_from("<I", tail, directory + 8)
        if count > 64:
            return False
        entries = [struct.unpack_from("<III", tail, directory + 12 + 12 * i) for i in range(count)]
    except struct.error:
        return False
    return max((back for _kind, back, _size in entries), default=0) == directory
