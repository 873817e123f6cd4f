"""JPEG: walks the markers, keeps what makes the picture, drops all that is told about it.

Pillow only ever sees the rewritten stream, so no metadata reader meets a stranger's bytes.
"""

import io
import re
import struct
from dataclasses import dataclass, field

from PIL import Image, ImageChops

from imaging.formats import raster, trailers
from imaging.formats.refusal import Refused, check_size

MAX_SEGMENTS = 20_000
MAX_SCANS = 64  # a progressive JPEG of thousands of empty scans costs minutes to decode
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"
_ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"
_MARKER_IN_SCAN = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = 0xC1, 0xC2
_BROWSER_FRAMES = {0xC0, _SEQUENTIAL, _PROGRESSIVE}
_FILLER = bytes((37 * i + 11) % 251 for i in range(96))


@dataclass
class Stream:
    """The skeleton of a JPEG; ``parts`` are the spans worth keeping, True where a scan ends."""

    data: bytes
    width: int = 0
    height: int = 0
    precision: int = 0
    process: int = 0
    components: tuple[tuple[int, int], ...] = ()  # identifier, sampling factors
    adobe: int | None = None
    jfif: bool = False
    exif: bytes | None = None
    icc_parts: dict[int, bytes] = field(default_factory=dict)
    mpf: tuple[int, bytes] | None = None
    parts: list[tuple[int, int, bool]] = field(default_factory=list)
    end: int = 0
    foreign: bool = False

    @property
    def icc(self) -> bytes | None:
        return b"".join(self.icc_parts[n] for n in sorted(self.icc_parts)) or None

    @property
    def is_ordinary(self) -> bool:
        """Huffman coded, baseline or progressive, 8 bit: what Pillow and every browser reads."""
        return self.process in _BROWSER_FRAMES and self.precision == 8

    @property
    def is_subsampled(self) -> bool:
        return len({sampling for _identifier, sampling in self.components}) > 1

    def transform(self) -> int:
        """The colour transform libjpeg assumes: 1 for YCbCr, 0 for RGB (three components)."""
        if self.jfif:
            return 1
        if self.adobe in (0, 1):
            return self.adobe
        return 0 if [identifier for identifier, _s in self.components] == [82, 71, 66] else 1


def read(data: bytes) -> raster.Picture:
    """Decode a JPEG file; a plain upright sRGB one is not encoded anew.

    Raises Refused for anything cut, damaged, oversized, or with a second file in it.
    """
    stream = survey(data)
    if not stream.is_ordinary or len(stream.components) not in (1, 3, 4):
        raise Refused("unsupported-jpeg")
    check_size(stream.width, stream.height)
    if stream.foreign or not trailers.is_harmless(data, stream.end, stream.mpf):
        raise Refused("polyglot")
    image, clean = decode_whole(stream, stream.transform())
    if image.mode == "CMYK" and stream.adobe is None:
        image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG for Adobe's inverted one
    turn = raster.orientation(stream.exif)
    plain = image.mode == "RGB" and turn == 1 and raster.means_srgb(stream.icc)
    if not plain:
        image = raster.upright(raster.to_srgb(image, stream.icc), turn)
    return raster.Picture(image, clean if plain else None, raster.JPEG)


def survey(data: bytes) -> Stream:
    """Walk the markers of a JPEG up to its EOI. Raises Refused where they make no sense."""
    stream = Stream(data)
    position = 2
    if data[:2] != _SOI:
        raise Refused("damaged")
    scans = 0
    for _count in range(MAX_SEGMENTS):
        marker, position = _next_marker(data, position)
        if marker == 0xD9:
            if not scans:
                raise Refused("damaged")
            stream.end = position
            return stream
        start = position - 2
        length = int.from_bytes(data[position : position + 2], "big")
        stop = position + length
        if stop > len(data) or position + 2 > len(data):
            raise Refused("truncated")
        if length < 2 or marker in (0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            raise Refused("damaged")
        payload = data[position + 2 : stop]
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            _take_notes(stream, marker, payload, position + 2)
        else:
            if marker in _FRAMES:
                _take_frame(stream, marker, payload)
            if marker == 0xDA:
                scans += 1
                if not stream.process or scans > MAX_SCANS:
                    raise Refused("damaged")
                found = _MARKER_IN_SCAN.search(data, stop)
                if found is None:
                    raise Refused("truncated")
                stop = found.start()
            stream.parts.append((start, stop, marker == 0xDA))
        position = stop
    raise Refused("damaged")


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the marker's code and the position behind it."""
    if position >= len(data):
        raise Refused("truncated")
    if data[position] != 0xFF:
        raise Refused("damaged")
    while data[position : position + 1] == b"\xff":
        position += 1
    if position >= len(data):
        raise Refused("truncated")
    return data[position], position + 1


def _take_notes(stream: Stream, marker: int, payload: bytes, position: int) -> None:
    """Application segments and comments: read the few that change how the picture looks."""
    stream.foreign = stream.foreign or raster.holds_foreign_file(payload)
    if marker == 0xE0 and payload.startswith(b"JFIF\0"):
        stream.jfif = True
    elif marker == 0xE1 and payload.startswith(b"Exif\0") and stream.exif is None:
        stream.exif = payload
    elif marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
        stream.icc_parts.setdefault(payload[12], payload[14:])
    elif marker == 0xE2 and payload.startswith(b"MPF\0") and stream.mpf is None:
        stream.mpf = (position + 4, payload[4:])
    elif marker == 0xEE and payload.startswith(b"Adobe") and len(payload) >= 12:
        stream.adobe = payload[11]


def _take_frame(stream: Stream, marker: int, payload: bytes) -> None:
    if stream.process or len(payload) < 6:
        raise Refused("damaged")  # two frames: hierarchical, or a forgery
    stream.process = marker
    stream.precision, stream.height, stream.width, count = struct.unpack_from(">BHHB", payload)
    if len(payload) != 6 + 3 * count or not stream.width or not stream.height:
        raise Refused("damaged")
    stream.components = tuple((payload[6 + 3 * i], payload[7 + 3 * i]) for i in range(count))


def restate(stream: Stream, transform: int, filler: bytes = b"") -> bytes:
    """Return the JPEG without metadata, its colour transform (three components) said aloud.

    ``filler`` is appended to each scan: see decode_whole.
    """
    bodies = [
        stream.data[start:stop] + (filler if is_scan else b"")
        for start, stop, is_scan in stream.parts
    ]
    return b"".join([_head(stream, transform), *bodies, _EOI])


def _head(stream: Stream, transform: int) -> bytes:
    if len(stream.components) == 4:
        return _SOI + (_ADOBE + bytes([stream.adobe]) if stream.adobe is not None else b"")
    if len(stream.components) == 3 and transform == 0:
        return _SOI + _ADOBE + b"\0"
    return _SOI + _JFIF


def with_full_spectrum(stream: Stream) -> bytes:
    """Return the JPEG with its scans' spectral selection put right.

    A sequential scan always holds coefficients 0 to 63, but some scanners' 12-bit JPEGs say 0 to 0,
    and a strict decoder turns them away.
    """
    data = bytearray(stream.data[: stream.end])
    if stream.process == _SEQUENTIAL:
        for start, _stop, is_scan in stream.parts:
            selection = start + 5 + 2 * data[start + 4]
            if is_scan and selection + 3 <= len(data):
                data[selection : selection + 3] = b"\x00\x3f\x00"
    return bytes(data)


def decode(clean: bytes, scale: int = 1) -> Image.Image:
    """Decode a rewritten stream: mode L, RGB or CMYK, ``scale`` times smaller (1 or 8)."""
    try:
        with Image.open(io.BytesIO(clean), formats=("JPEG",)) as image:
            if scale > 1:
                image.draft(image.mode, (image.width // scale, image.height // scale))
            image.load()
            return image.copy()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Refused("damaged") from error


def decode_whole(stream: Stream, transform: int) -> tuple[Image.Image, bytes]:
    """Return the picture and its clean stream; refuse a JPEG that was cut and closed with an EOI.

    The decoder fills what is missing with grey and says nothing. Bytes appended to a scan are
    skipped where the scan was whole, and become picture where it was not; so the picture is
    decoded with and without such bytes, and compared. An eighth of the size is enough for a
    sequential JPEG; the late scans of a progressive one show at full size only.
    """
    clean, stuffed = restate(stream, transform), restate(stream, transform, _FILLER)
    image = decode(clean)
    scale = 1 if stream.process == _PROGRESSIVE else 8
    plain = image if scale == 1 else decode(clean, scale)
    if plain.tobytes() != decode(stuffed, scale).tobytes():
        raise Refused("truncated")
    return image, clean
