"""Lookup tables: modality and VOI LUTs (PS3.3, C.11) and palettes (C.7.6.3.1.5, C.7.9)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.formats.dicom.tags import value
from imaging.formats.refusal import Refused

Numbers = NDArray[np.int64]


def lookup(item: Dataset, inputs: NDArray[np.float64], *, little: bool) -> tuple[Numbers, int]:
    """Send values through the LUT of a sequence item; returns outputs and their bits."""
    entries, first, bits = descriptor(value(item, "LUTDescriptor"), little=little, signed=True)
    table = _words(value(item, "LUTData"), little=little)
    if bits <= 8 and len(table) * 2 == entries:  # two 8-bit entries in a word
        table = _bytes(value(item, "LUTData"), entries, little=little)
    if not len(table):
        raise Refused("damaged")
    last = min(entries, len(table)) - 1
    index = np.clip(np.rint(inputs) - first, 0, last).astype(np.int64)
    return table[index], bits


def palette(dataset: Dataset, *, little: bool, signed: bool) -> tuple[NDArray[np.uint8], int]:
    """Return the palette as (entries, 3), 8 bit, and the first stored value it maps."""
    columns = []
    first = bits = 0
    for colour in ("Red", "Green", "Blue"):
        entries, first, bits = descriptor(
            value(dataset, f"{colour}PaletteColorLookupTableDescriptor"),
            little=little,
            signed=signed,
        )
        data = value(dataset, f"{colour}PaletteColorLookupTableData")
        if data:
            column = _column(data, entries, bits, little=little)
        else:
            segments = value(dataset, f"Segmented{colour}PaletteColorLookupTableData")
            units = _units(segments, bits, little=little)
            column = _expand(units, entries, is_wide=bits > 8)
        if len(column) < entries:
            raise Refused("damaged")
        columns.append(column[:entries])
    if len({len(column) for column in columns}) != 1:
        raise Refused("damaged")
    table = np.stack(columns, axis=1)
    # Some writers announce 16 bits and fill the lower 8 only; taken literally, that is black.
    if bits > 8 and table.max(initial=0) > 255:
        table = (table * 255 + 32767) // 65535
    return np.clip(table, 0, 255).astype(np.uint8), first


def descriptor(found: object, *, little: bool, signed: bool) -> tuple[int, int, int]:
    """Return number of entries, first value mapped and bits per entry (8 to 16)."""
    if isinstance(found, bytes):
        found = [int(each) for each in np.frombuffer(found[:6], "<u2" if little else ">u2")]
    if not isinstance(found, Sequence) or isinstance(found, str) or len(found) != 3:
        raise Refused("damaged")
    try:
        entries, first, bits = (int(each) for each in found)
    except (TypeError, ValueError) as error:
        raise Refused("damaged") from error
    if not 8 <= bits <= 16 or not -32768 <= first <= 65535:
        raise Refused("damaged")
    if signed and first > 32767:
        first -= 65536
    return (entries & 0xFFFF) or 65536, first, bits


def _column(data: object, entries: int, bits: int, *, little: bool) -> Numbers:
    if isinstance(data, bytes) and len(data) < 2 * entries:
        return _bytes(data, entries, little=little)
    return _words(data, little=little)


def _words(data: object, *, little: bool) -> Numbers:
    if isinstance(data, bytes):
        even = data[: len(data) // 2 * 2]
        return np.frombuffer(even, "<u2" if little else ">u2").astype(np.int64)
    if isinstance(data, int):
        return np.array([data], np.int64)
    if isinstance(data, Sequence) and not isinstance(data, str):
        return np.array([int(each) & 0xFFFF for each in data], np.int64)
    raise Refused("damaged")


def _bytes(data: object, entries: int, *, little: bool) -> Numbers:
    """8-bit entries, two in a word; big endian swaps them with the words."""
    words = _words(data, little=little)
    pairs = np.stack([words & 0xFF, words >> 8], axis=1).reshape(-1)
    if isinstance(data, bytes) and len(data) % 2:
        pairs = np.append(pairs, data[-1])
    return pairs[:entries]


def _units(data: object, bits: int, *, little: bool) -> Numbers:
    if data is None:
        raise Refused("damaged")
    if bits > 8:
        return _words(data, little=little)
    return _bytes(data, 1 << 30, little=little)


def _expand(units: Numbers, entries: int, *, is_wide: bool) -> Numbers:
    """Expand a segmented palette: discrete (0), linear (1) and indirect (2) segments.

    Stops at the announced number of entries, so that no segment can grow without bound.
    """
    out: list[Numbers] = []
    length = position = 0
    last = 0
    while length < entries and position + 1 < len(units):
        if int(units[position]) == 2 and length:
            piece, position = _indirect(units, position, last, is_wide=is_wide)
        else:
            piece, position = _segment(units, position, last, has_previous=length > 0)
        if len(piece):
            last = int(piece[-1])
        out.append(piece)
        length += len(piece)
    if length < entries:
        raise Refused("damaged")
    return np.concatenate(out)[:entries]


def _segment(
    units: Numbers, position: int, last: int, *, has_previous: bool
) -> tuple[Numbers, int]:
    kind, count = int(units[position]), int(units[position + 1])
    if kind == 0 and count and position + 2 + count <= len(units):
        return units[position + 2 : position + 2 + count], position + 2 + count
    if kind == 1 and count and has_previous and position + 3 <= len(units):
        goal = int(units[position + 2])
        steps = np.arange(1, count + 1) / count
        return np.rint(last + (goal - last) * steps).astype(np.int64), position + 3
    raise Refused("damaged")


def _indirect(units: Numbers, position: int, last: int, *, is_wide: bool) -> tuple[Numbers, int]:
    """Repeat earlier segments, found at a byte offset that is written least significant first."""
    count, width, shift = int(units[position + 1]), 2 if is_wide else 4, 16 if is_wide else 8
    stop = position + 2 + width
    if stop > len(units) or not count:
        raise Refused("damaged")
    offset = sum(int(unit) << shift * n for n, unit in enumerate(units[position + 2 : stop]))
    source = offset // 2 if is_wide else offset
    pieces: list[Numbers] = []
    length = 0
    for _segment_number in range(count):
        if source + 1 >= position:
            raise Refused("damaged")
        piece, source = _segment(units, source, last, has_previous=True)
        last = int(piece[-1])
        length += len(piece)
        pieces.append(piece)
        if length > 65536:
            break
    return np.concatenate(pieces), stop
