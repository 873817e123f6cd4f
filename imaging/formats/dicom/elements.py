"""The outermost walk over a DICOM object, before any library reads it.

Finds where each top-level element lies, checks every length against the file, and copies the few
elements that are wanted into a small data set. A stranger's sequences, private blocks and pixel
data never reach the general parser (PS3.5, section 7).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imaging.formats.refusal import Refused

MAX_ELEMENTS = 50_000
MAX_DEPTH = 24
PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}


@dataclass(frozen=True)
class Element:
    """Where one element lies; ``fragments`` are the items of encapsulated pixel data."""

    tag: int
    vr: bytes | None
    start: int
    value: int
    end: int
    fragments: tuple[tuple[int, int], ...] | None


class Walker:
    """Walks the top level of a data set in ``data`` from ``position`` on."""

    def __init__(self, data: bytes, position: int, *, implicit: bool, little: bool) -> None:
        self.data = data
        self.position = position
        self.implicit = implicit
        self._budget = MAX_ELEMENTS
        order = "<" if little else ">"
        self._tag = struct.Struct(order + "HH")
        self._short = struct.Struct(order + "H")
        self._long = struct.Struct(order + "I")

    def __iter__(self) -> Iterator[Element]:
        while self.position < len(self.data):
            if len(self.data) - self.position < 8 and not self.data[self.position :].strip(b"\0"):
                return
            yield self._element()

    def _element(self) -> Element:
        start = self.position
        tag, vr, length = self._header(self.implicit)
        value = self.position
        fragments: list[tuple[int, int]] | None = None
        if length == _UNDEFINED:
            fragments = [] if tag == PIXEL_DATA else None
            self._skip_items(self.implicit or vr == b"UN", 0, fragments)
        else:
            self._advance(length)
        found = None if fragments is None else tuple(fragments)
        return Element(tag, vr, start, value, self.position, found)

    def _header(self, implicit: bool) -> tuple[int, bytes | None, int]:
        """Read tag, VR and length; an invalid VR means that this element is implicit after all."""
        self._budget -= 1
        if self._budget < 0:
            raise Refused("damaged")
        tag = self._read_tag()
        if tag >> 16 == 0xFFFE:
            return tag, None, self._read_length()
        vr = self.data[self.position : self.position + 2]
        if implicit or not (vr.isalpha() and vr.isupper()):
            return tag, None, self._read_length()
        self.position += 2
        if vr in _LONG:
            self._advance(2)
            return tag, vr, self._read_length()
        self._require(2)
        (length,) = self._short.unpack_from(self.data, self.position)
        self.position += 2
        return tag, vr, length

    def _skip_items(
        self, implicit: bool, depth: int, fragments: list[tuple[int, int]] | None
    ) -> None:
        """Pass over the items of an element of undefined length."""
        if depth > MAX_DEPTH:
            raise Refused("damaged")
        while True:
            tag, _vr, length = self._header(implicit)
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM:
                raise Refused("damaged")
            if length != _UNDEFINED:
                if fragments is not None:
                    fragments.append((self.position, self.position + length))
                self._advance(length)
            else:
                self._skip_item(implicit, depth)

    def _skip_item(self, implicit: bool, depth: int) -> None:
        while True:
            tag, vr, length = self._header(implicit)
            if tag == _ITEM_END:
                return
            if length == _UNDEFINED:
                self._skip_items(implicit or vr == b"UN", depth + 1, None)
            else:
                self._advance(length)

    def _read_tag(self) -> int:
        self._require(4)
        group, element = self._tag.unpack_from(self.data, self.position)
        self.position += 4
        return int(group) << 16 | int(element)

    def _read_length(self) -> int:
        self._require(4)
        (length,) = self._long.unpack_from(self.data, self.position)
        self.position += 4
        return int(length)

    def _advance(self, length: int) -> None:
        self._require(length)
        self.position += length

    def _require(self, length: int) -> None:
        if self.position + length > len(self.data):
            raise Refused("truncated")
