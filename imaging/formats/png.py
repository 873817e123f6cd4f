"""PNG: checks every chunk, proves that the pixel data is whole, and keeps only the picture."""

import io
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from imaging.formats import raster
from imaging.formats.refusal import Refused, check_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 100_000
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_SRGB_GAMMA = 45455


@dataclass
class Chunks:
    """What a PNG is made of."""

    width: int = 0
    height: int = 0
    depth: int = 0
    colour: int = 0
    interlaced: bool = False
    kept: list[tuple[bytes, bytes]] = field(default_factory=list)  # IHDR PLTE tRNS IDAT
    icc: bytes | None = None
    exif: bytes | None = None
    gamma: int | None = None

    def assemble(self) -> bytes:
        return SIGNATURE + b"".join(_chunk(*each) for each in [*self.kept, (b"IEND", b"")])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read(data: bytes) -> raster.Picture:
    """Decode a PNG file of any colour type; transparency becomes white, 16 bit become 8.

    Raises Refused for anything cut, damaged, oversized, animated, or with a second file in it.
    """
    chunks = survey(data)
    _check_pixel_data(chunks)
    clean = chunks.assemble()
    try:
        with Image.open(io.BytesIO(clean), formats=("PNG",)) as opened:
            opened.load()
            image = _flatten(opened, chunks)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Refused("damaged") from error
    turn = raster.orientation(chunks.exif)
    is_opaque = all(kind != b"tRNS" for kind, _body in chunks.kept)
    is_rgb = (chunks.colour, chunks.depth) == (2, 8) and is_opaque
    has_gamma = chunks.icc is None and _is_unusual(chunks.gamma)
    if is_rgb and turn == 1 and not has_gamma and raster.means_srgb(chunks.icc):
        return raster.Picture(image, clean, raster.PNG)
    if has_gamma and chunks.gamma:
        image = image.point(_gamma_table(chunks.gamma) * len(image.getbands()))
    image = raster.upright(raster.to_srgb(image, chunks.icc), turn)
    return raster.Picture(image, None, raster.PNG)


def survey(data: bytes) -> Chunks:
    """Walk the chunks, with their checksums, up to IEND."""
    chunks = Chunks()
    position = len(SIGNATURE)
    for count in range(MAX_CHUNKS):
        if position + 12 > len(data):
            raise Refused("truncated")
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        body = data[position + 8 : position + 8 + length]
        position += 12 + length
        if position > len(data):
            raise Refused("truncated")
        is_critical = not kind[0] & 0x20
        if is_critical and zlib.crc32(kind + body) != int.from_bytes(data[position - 4 : position]):
            raise Refused("damaged")
        if (kind == b"IHDR") != (count == 0):
            raise Refused("damaged")
        if kind == b"IEND":
            break
        _take(chunks, kind, body, is_critical)
    else:
        raise Refused("damaged")
    if data[position:].strip(b"\0\r\n"):
        raise Refused("polyglot")
    return chunks


def _take(chunks: Chunks, kind: bytes, body: bytes, is_critical: bool) -> None:
    if kind == b"IHDR":
        _take_header(chunks, body)
    elif kind in (b"acTL", b"fcTL", b"fdAT"):
        raise Refused("animated")
    elif is_critical and kind not in (b"PLTE", b"IDAT"):
        raise Refused("damaged")
    elif kind == b"iCCP":
        chunks.icc = _inflate_profile(body)
    elif kind == b"gAMA" and len(body) == 4:
        chunks.gamma = int.from_bytes(body, "big")
    elif kind == b"sRGB":
        chunks.gamma = _SRGB_GAMMA
    elif kind == b"eXIf":
        chunks.exif = b"Exif\0\0" + body
    elif kind not in (b"PLTE", b"IDAT", b"tRNS") and raster.holds_foreign_file(body):
        raise Refused("polyglot")
    if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT"):
        chunks.kept.append((kind, body))


def _take_header(chunks: Chunks, body: bytes) -> None:
    if len(body) != 13:
        raise Refused("damaged")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(
        ">IIBBBBB", body
    )
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Refused("damaged")
    check_size(width, height)
    chunks.width, chunks.height, chunks.depth, chunks.colour = width, height, depth, colour
    chunks.interlaced = bool(interlace)


def _inflate_profile(body: bytes) -> bytes | None:
    _name, _zero, packed = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(packed[1:], raster.MAX_ICC_BYTES) or None
    except zlib.error:
        return None


def _check_pixel_data(chunks: Chunks) -> None:
    """Refuse pixel data that inflates to fewer or more bytes than the header promises.

    Pillow leaves missing rows black without a word, and a bomb would hide in surplus bytes.
    """
    expected = _expected_bytes(chunks)
    inflater = zlib.decompressobj()
    total = 0
    try:
        for kind, body in chunks.kept:
            if kind != b"IDAT":
                continue
            pending = body
            while pending and not inflater.eof and total <= expected:
                total += len(inflater.decompress(pending, 1 << 20))
                pending = inflater.unconsumed_tail
        while not inflater.eof and total <= expected:
            more = inflater.decompress(inflater.unconsumed_tail, 1 << 20)
            if not more:
                break
            total += len(more)
    except zlib.error as error:
        raise Refused("damaged") from error
    if total < expected:
        raise Refused("truncated")
    if total > expected or not inflater.eof or inflater.unused_data:
        raise Refused("damaged")


def _expected_bytes(chunks: Chunks) -> int:
    bits = chunks.depth * _SAMPLES[chunks.colour]
    if not chunks.interlaced:
        return chunks.height * (1 + (chunks.width * bits + 7) // 8)
    total = 0
    for left, top, across, down in _ADAM7:
        columns = (chunks.width - left + across - 1) // across
        rows = (chunks.height - top + down - 1) // down
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _flatten(image: Image.Image, chunks: Chunks) -> Image.Image:
    """Return mode L or RGB, 8 bit, on white."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion would clip
        wide = np.asarray(image).astype(np.uint32)
        grey = ((wide + 128) // 257).astype(np.uint8)
        clear = image.info.get("transparency")
        if isinstance(clear, int):
            grey[wide == clear] = 255
        return Image.fromarray(grey)
    is_clear = "transparency" in image.info or image.mode in ("LA", "RGBA", "PA")
    target = "L" if chunks.colour in (0, 4) else "RGB"
    if not is_clear:
        return image.convert(target) if image.mode != target else image.copy()
    layered = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, layered).convert(target)


def _is_unusual(gamma: int | None) -> bool:
    """Gamma of 1/2.2 is what sRGB is written as; nonsense values are ignored."""
    return gamma is not None and 10_000 <= gamma <= 200_000 and abs(gamma - _SRGB_GAMMA) > 2_500


def _gamma_table(gamma: int) -> list[int]:
    """Levels under this file gamma, as sRGB (IEC 61966-2-1) levels."""
    light = (np.arange(256) / 255) ** (100_000 / gamma)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return [int(level) for level in np.rint(255 * srgb)]
