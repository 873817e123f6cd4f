"""Builders of picture files, good and bad: the quadrant picture in every coat, and raw PNG parts.

quadrants_htj2k.j2c is the same picture, written by OpenJPH: nothing installed here encodes HTJ2K.
"""

import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)
WHITE = (255, 255, 255)
WIDTH, HEIGHT = 96, 64
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, int, int]


def quadrants(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Red and green above, blue and grey below: (height, width, 3)."""
    picture = np.empty((height, width, 3), np.uint8)
    for index, colour in enumerate((RED, GREEN, BLUE, GREY)):
        rows = slice(0, height // 2) if index < 2 else slice(height // 2, height)
        columns = slice(0, width // 2) if index % 2 == 0 else slice(width // 2, width)
        picture[rows, columns] = colour
    return picture


def texture(width: int = 300, height: int = 200, seed: int = 1) -> NDArray[np.uint8]:
    """A picture with detail everywhere, so that its file has a middle to cut at."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def pixels(image: bytes) -> NDArray[np.uint8]:
    """Decode what was admitted; asserts that it is plain 8-bit RGB."""
    with Image.open(io.BytesIO(image)) as opened:
        assert opened.mode == "RGB"
        return np.asarray(opened)


def corners(image: bytes) -> list[Colour]:
    """The middle pixel of each quadrant: upper left, upper right, lower left, lower right."""
    array = pixels(image)
    height, width = array.shape[:2]
    return [
        (int(r), int(g), int(b))
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
        for r, g, b in [array[y, x]]
    ]


def assert_corners(
    image: bytes, expected: Iterable[Colour] = (RED, GREEN, BLUE, GREY), within: int = 4
) -> None:
    found = corners(image)
    worst = max(
        abs(a - b)
        for one, two in zip(found, expected, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    assert worst <= within, found


def jpeg(picture: NDArray[np.uint8] | None = None, mode: str = "RGB", **options: object) -> bytes:
    array = quadrants() if picture is None else picture
    buffer = io.BytesIO()
    Image.fromarray(array).convert(mode).save(buffer, "JPEG", **{"quality": 92, **options})
    return buffer.getvalue()


def png(picture: NDArray[np.uint8] | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(quadrants() if picture is None else picture).save(buffer, "PNG", **options)
    return buffer.getvalue()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    """One JPEG marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segment(data: bytes, marker: int, payload: bytes) -> bytes:
    """Insert a segment behind a JPEG's SOI."""
    return data[:2] + segment(marker, payload) + data[2:]


def exif(orientation: int) -> bytes:
    directory = Image.Exif()
    directory[0x0112] = orientation
    directory[0x010F] = "Camera of Doctor Secret"
    return directory.tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(
    rows: NDArray[np.unsignedinteger],
    *,
    depth: int,
    colour: int,
    between: bytes = b"",
    size: tuple[int, int] | None = None,
) -> bytes:
    """A PNG from sample rows (height, width, channels), written without any library.

    ``between`` stands between IHDR and IDAT; ``size`` is what the header claims, if it lies.
    """
    height, width = rows.shape[:2]
    stored = rows.astype(">u2" if depth == 16 else "u1")
    body = b"".join(b"\0" + stored[y].tobytes() for y in range(height))
    claimed = size or (width, height)
    header = struct.pack(">IIBBBBB", *claimed, depth, colour, 0, 0, 0)
    return SIGNATURE + b"".join(
        [chunk(b"IHDR", header), between, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")]
    )


def swapped_profile() -> bytes:
    """An ICC profile (v2, matrix and curves) whose red primary is sRGB's green and the reverse."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    def xyz(*numbers: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*numbers)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"sRGB, it says\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"gXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249) + bytes(48)
    return header + table + body


def mpf(data: bytes, second: bytes) -> bytes:
    """A JPEG with a second picture behind it, declared in an MPF block as phones do."""
    length = 4 + 8 + 2 + 12 + 4 + 32  # "MPF\0" and its TIFF
    base = 2 + 4 + 4  # where its TIFF header lies in the file
    first_size = len(data) + 4 + length
    entries = struct.pack("<IIIHH", 0x030000, first_size, 0, 0, 0)
    entries += struct.pack("<IIIHH", 0, len(second), first_size - base, 0, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0xB002, 7, 32, 26)
    return with_segment(data, 0xE2, b"MPF\0" + tiff + bytes(4) + entries) + second


def sef(block: bytes) -> bytes:
    """Samsung's trailer: one block, its directory, the closing mark."""
    data = b"\0\0\x01\x0a" + struct.pack("<I", 5) + b"Image" + block
    directory = (
        b"SEFH" + struct.pack("<II", 107, 1) + struct.pack("<III", 0x0A010000, len(data), len(data))
    )
    return data + directory + struct.pack("<I", len(directory)) + b"SEFT"
