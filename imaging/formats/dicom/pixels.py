"""From stored pixel data, native or encapsulated, to an array of samples (PS3.5, section 8)."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from imaging.formats import jpeg
from imaging.formats.dicom import codec
from imaging.formats.dicom.reading import Object, quiet
from imaging.formats.dicom.tags import name_of, text, value
from imaging.formats.refusal import Refused, check_size

GREYSCALE = ("MONOCHROME1", "MONOCHROME2")
_YBR = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")
INTERPRETATIONS = (*GREYSCALE, "PALETTE COLOR", "RGB", *_YBR)
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99")
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_JPEG = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
_JPEG_LS = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81))
_JPEG_2000 = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))


@dataclass(frozen=True)
class PixelHeader:
    """The Image Pixel module, checked for sense but not against the pixels."""

    rows: int
    columns: int
    channels: int
    interpretation: str
    is_planar: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool


@dataclass(frozen=True)
class Samples:
    """``array`` is (rows, columns, channels), unsigned, values below 2**bits; ``interpretation``
    tells what they mean now. ``jpeg`` holds the very same picture as a clean RGB JPEG, if any."""

    array: NDArray[np.unsignedinteger]
    bits: int
    interpretation: str
    jpeg: bytes | None = None


def read_header(dataset: Dataset) -> PixelHeader:
    """Check the Image Pixel module. Raises Refused before any pixel is touched."""
    with quiet():
        frames = text(dataset, "NumberOfFrames")
        interpretation = text(dataset, "PhotometricInterpretation").upper()
        numbers = {
            keyword: _integer(dataset, keyword) for keyword in ("Rows", "Columns", "BitsAllocated")
        }
        channels = _integer(dataset, "SamplesPerPixel", 1)
        stored = _integer(dataset, "BitsStored", numbers["BitsAllocated"])
        header = PixelHeader(
            rows=numbers["Rows"],
            columns=numbers["Columns"],
            channels=channels,
            interpretation=interpretation,
            is_planar=_integer(dataset, "PlanarConfiguration", 0) == 1,
            bits_allocated=numbers["BitsAllocated"],
            bits_stored=stored,
            high_bit=_integer(dataset, "HighBit", stored - 1),
            is_signed=_integer(dataset, "PixelRepresentation", 0) == 1,
        )
    if frames not in ("", "0", "1"):
        raise Refused("multi-frame" if frames.isascii() and frames.isdigit() else "damaged")
    check_size(header.columns, header.rows)
    if header.interpretation not in INTERPRETATIONS:
        raise Refused("unsupported-pixels", what=header.interpretation[:16] or "no interpretation")
    is_colour = header.interpretation == "RGB" or header.interpretation in _YBR
    if header.channels != (3 if is_colour else 1):
        raise Refused("damaged")
    if header.bits_allocated not in (8, 16):
        raise Refused("unsupported-pixels", what=f"{header.bits_allocated} bit")
    if not 1 <= header.bits_stored <= header.high_bit + 1 <= header.bits_allocated:
        raise Refused("damaged")
    return header


def _integer(dataset: Dataset, keyword: str, missing: int | None = None) -> int:
    found = value(dataset, keyword)
    if found is None or found == "":
        if missing is None:
            raise Refused("damaged")
        return missing
    if not isinstance(found, int) or not 0 <= found <= 0xFFFF:
        raise Refused("damaged")
    return int(found)


def read_samples(opened: Object, header: PixelHeader) -> Samples:
    """Decode the one frame of an object."""
    assert opened.pixels is not None
    syntax = opened.transfer_syntax
    if opened.pixels.fragments is None:
        if syntax not in (*_NATIVE, _BIG_ENDIAN):
            is_known = syntax in (*_JPEG, *_JPEG_LS, *_JPEG_2000, RLELossless)
            raise Refused("damaged") if is_known else _no_syntax(syntax)
        return _native(opened, header)
    stream = b"".join(opened.data[start:stop] for start, stop in opened.pixels.fragments[1:])
    if syntax in _JPEG:
        return _jpeg(stream, header)
    if syntax in _JPEG_LS:
        return _other_codec("jpeg", stream, header)
    if syntax in _JPEG_2000:
        return _other_codec("jpeg2000", stream, header)
    if syntax == RLELossless:
        return _other_codec("rle", stream, header)
    if syntax in _NATIVE or syntax == _BIG_ENDIAN:
        raise Refused("damaged")
    raise _no_syntax(syntax)


def _no_syntax(syntax: str) -> Refused:
    return Refused("unsupported-transfer-syntax", syntax=name_of(syntax))


def _native(opened: Object, header: PixelHeader) -> Samples:
    assert opened.pixels is not None
    data = memoryview(opened.data)[opened.pixels.value : opened.pixels.end]
    pixels, width = header.rows * header.columns, header.bits_allocated // 8
    is_422 = header.interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422")
    if header.interpretation in ("YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"):
        raise Refused("unsupported-pixels", what=header.interpretation)
    count = pixels * (2 if is_422 else header.channels)
    if len(data) < count * width:
        raise Refused("truncated")
    if bytes(data[count * width :]).strip(b"\0"):
        raise Refused("damaged")
    order = "<" if opened.little else ">"
    flat: NDArray[Any] = np.frombuffer(data, f"{order}u{width}", count=count)
    if width == 1 and not opened.little and opened.pixels.vr == b"OW":
        flat = _swap_words(np.frombuffer(data, np.uint8), count)
    array: NDArray[Any]
    if is_422:
        array = _spread_422(flat, header)
    elif header.is_planar:
        array = flat.reshape(header.channels, header.rows, header.columns).transpose(1, 2, 0)
    else:
        array = flat.reshape(header.rows, header.columns, header.channels)
    shift, mask = header.high_bit + 1 - header.bits_stored, (1 << header.bits_stored) - 1
    if header.bits_stored < header.bits_allocated:
        array = np.bitwise_and(np.right_shift(array, shift), mask).astype(array.dtype)
    if array.dtype.byteorder == (">" if sys.byteorder == "little" else "<"):
        array = array.astype(array.dtype.newbyteorder("="))
    return Samples(array, header.bits_stored, header.interpretation)


def _swap_words(flat: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Undo big endian's swap of 8-bit samples that were written as 16-bit words."""
    if len(flat) % 2:
        raise Refused("damaged")
    return flat.reshape(-1, 2)[:, ::-1].reshape(-1)[:count]


def _spread_422(
    flat: NDArray[np.unsignedinteger], header: PixelHeader
) -> NDArray[np.unsignedinteger]:
    """Y1 Y2 Cb Cr for each two pixels of a row (PS3.3, C.7.6.3.1.2)."""
    if header.columns % 2 or header.bits_allocated != 8 or header.is_planar:
        raise Refused("damaged")
    pairs = flat.reshape(header.rows, header.columns // 2, 4)
    array = np.empty((header.rows, header.columns, 3), np.uint8)
    array[:, 0::2, 0], array[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    array[:, :, 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return array


def _jpeg(stream: bytes, header: PixelHeader) -> Samples:
    start = stream.find(b"\xff\xd8")
    if start < 0:
        raise Refused("damaged")
    survey = jpeg.survey(stream[start:])
    if (survey.width, survey.height) != (header.columns, header.rows):
        raise Refused("damaged")
    if len(survey.components) != header.channels:
        raise Refused("damaged")
    if not survey.is_ordinary:
        return _other_codec("jpeg", jpeg.with_full_spectrum(survey), header)
    transform = _transform(survey, header)
    image, clean = jpeg.decode_whole(survey, transform)
    array = np.asarray(image).reshape(header.rows, header.columns, header.channels)
    if header.channels == 1:
        return Samples(array, 8, header.interpretation)
    return Samples(array, 8, "RGB", jpeg=clean)


def _transform(stream: jpeg.Stream, header: PixelHeader) -> int:
    """Whether the components are YCbCr (1) or RGB (0).

    What the stream itself states outranks the data set, which toolkits often forget to change.
    Chroma of a lower resolution is never RGB.
    """
    if stream.is_subsampled or stream.jfif:
        return 1
    if stream.adobe in (0, 1):
        return stream.adobe
    if [identifier for identifier, _sampling in stream.components] == [82, 71, 66]:
        return 0
    return 0 if header.interpretation == "RGB" else 1


def _other_codec(name: str, stream: bytes, header: PixelHeader) -> Samples:
    frame = codec.Frame(header.rows, header.columns, header.channels, header.bits_allocated)
    decoded = codec.decode(name, stream, frame)
    bits = header.bits_stored if name == "rle" else max(header.bits_stored, decoded.precision)
    array, interpretation = decoded.samples, header.interpretation
    if bits < 8 * array.dtype.itemsize:
        array = array & array.dtype.type((1 << bits) - 1)
    if decoded.is_rgb or interpretation in ("YBR_ICT", "YBR_RCT"):
        interpretation = "RGB"
    return Samples(array, bits, interpretation)
