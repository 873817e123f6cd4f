"""Decodes the medical codecs (lossless and 12-bit JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE).

Their native decoders abort, hang or eat the memory on hostile input. That is why a file is read in
a process of its own (imaging/formats/reader.py); they are imported in no other.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.refusal import Refused


@dataclass(frozen=True)
class Frame:
    """The one frame that the object's header announces."""

    rows: int
    columns: int
    channels: int
    bits_allocated: int


@dataclass(frozen=True)
class Decoded:
    """``samples`` is (rows, columns, channels), unsigned; ``precision`` its bits; ``is_rgb`` where
    the codec undid a colour transform of its own."""

    samples: NDArray[np.unsignedinteger]
    precision: int
    is_rgb: bool


def decode(codec: str, stream: bytes, frame: Frame) -> Decoded:
    """Decode one frame with "jpeg", "jpeg2000" or "rle"; refuses what is not as announced."""
    samples, precision, is_rgb = _DECODERS[codec](stream, frame)
    # Sign is the data set's to tell: the bits travel unsigned.
    samples = samples.view(f"<u{samples.dtype.itemsize}")
    if samples.dtype.itemsize > 2 or samples.size != frame.rows * frame.columns * frame.channels:
        raise Refused("damaged")
    shaped = samples.reshape(frame.rows, frame.columns, frame.channels)
    return Decoded(shaped, precision, is_rgb)


def _check(frame: Frame, rows: int, columns: int, channels: int) -> None:
    """Before anything is decoded: the stream holds the picture that was announced."""
    if (rows, columns, channels) != (frame.rows, frame.columns, frame.channels):
        raise Refused("damaged")


def _jpeg(stream: bytes, frame: Frame) -> tuple[Any, int, bool]:
    libjpeg = import_module("libjpeg")
    found = libjpeg.get_parameters(stream)
    _check(frame, found["rows"], found["columns"], found["nr_components"])
    return libjpeg.decode(stream, 0), int(found["precision"]), False


def _jpeg2000(stream: bytes, frame: Frame) -> tuple[Any, int, bool]:
    openjpeg = import_module("openjpeg")
    found = openjpeg.get_parameters(stream)
    _check(frame, found["rows"], found["columns"], found["samples_per_pixel"])
    return openjpeg.decode(stream), int(found["precision"]), _has_colour_transform(stream)


def _has_colour_transform(stream: bytes) -> bool:
    """Read "multiple component transformation" in the COD marker (ISO 15444-1, A.6.1)."""
    start = stream.index(b"\xff\x4f\xff\x51")
    cod = stream.index(b"\xff\x52", start)
    return stream[cod + 8] == 1


def _rle(stream: bytes, frame: Frame) -> tuple[Any, int, bool]:
    pixels, bits = frame.rows * frame.columns, frame.bits_allocated
    planes = import_module("rle").utils.decode_frame(stream, pixels, bits, "<")
    samples = np.frombuffer(planes, f"<u{bits // 8}").reshape(frame.channels, pixels)
    return np.ascontiguousarray(samples.T), bits, False


_DECODERS = {"jpeg": _jpeg, "jpeg2000": _jpeg2000, "rle": _rle}
