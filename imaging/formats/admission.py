"""What happens to a file inside its reader's process: sniffed, checked, decoded, cleaned.

Nothing here runs in a process that serves anybody (imaging/formats/reader.py).
"""

import io
import traceback
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from imaging import quality
from imaging.formats import dicom, jpeg, png, raster
from imaging.formats.admitted import Picture
from imaging.formats.refusal import Refused

_OWN_ENDINGS = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "jpe": "jpeg",
    "jfif": "jpeg",
    "png": "png",
    "dcm": "dicom",
    "dicom": "dicom",
    "dic": "dicom",
}
_OTHER_ENDINGS = {
    *("apng", "avif", "bmp", "gif", "heic", "heif", "jp2", "jxl", "pdf", "svg", "tif", "tiff"),
    *("webp", "htm", "html", "zip"),
}
_NAMES = {"jpeg": "JPEG", "png": "PNG", "dicom": "DICOM"}
_FOREIGN = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
)
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}


class Broken(Refused):
    """Bytes that nobody foresaw broke a decoder; ``place`` is where, without what was in them."""

    def __init__(self, error: Exception) -> None:
        super().__init__("too-costly" if isinstance(error, MemoryError) else "damaged")
        where = traceback.extract_tb(error.__traceback__)[-1]
        self.place = f"{type(error).__name__} at {where.name}:{where.lineno}"


def read(data: bytes, filename: str) -> Picture:
    """Check, decode and clean a file. Raises Refused, and nothing else."""
    try:
        return _read(data, filename)
    except Refused:
        raise
    except Exception as error:
        raise Broken(error) from error


def _read(data: bytes, filename: str) -> Picture:
    kind = _sniff(data)
    _check_ending(filename, kind)
    tags: dicom.DicomTags | None = None
    if kind == "jpeg":
        picture = jpeg.read(data)
    elif kind == "png":
        picture = png.read(data)
    else:
        reading = dicom.read(data)
        picture, tags = reading.picture, reading.tags
    image = raster.encode(picture)
    return Picture(
        format=kind,
        width=picture.image.width,
        height=picture.image.height,
        image=image,
        image_media_type=picture.media_type,
        thumbnail=raster.thumbnail(picture.image),
        dicom=tags,
        quality=_quality(image),
    )


def _quality(image: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(image)) as picture:
        picture.draft("RGB", (800, 800))
        return asdict(quality.assess(np.asarray(picture.convert("RGB"))))


def _sniff(data: bytes) -> str:
    """Return the format that the content shows, or refuse it by name."""
    if dicom.looks_like_dicom(data):
        return "dicom"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(png.SIGNATURE):
        return "png"
    if png.SIGNATURE.startswith(data[:8]) or b"\xff\xd8\xff".startswith(data):
        raise Refused("truncated")
    if data.startswith((b"GIF87a", b"GIF89a")):
        raise Refused("animated")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        if data[12:16] == b"VP8X" and data[20:21] and data[20] & 0x02:
            raise Refused("animated")
        raise Refused("unsupported-format", format="WebP")
    if data[4:8] == b"ftyp":
        raise Refused("unsupported-format", format=_BRANDS.get(data[8:12], "video"))
    for start, name in _FOREIGN:
        if data.startswith(start):
            raise Refused("unsupported-format", format=name)
    raise Refused("not-an-image")


def _check_ending(filename: str, kind: str) -> None:
    ending = filename.rpartition(".")[2].lower() if "." in filename else ""
    if ending in _OTHER_ENDINGS or _OWN_ENDINGS.get(ending, kind) != kind:
        raise Refused("wrong-extension", extension=ending, format=_NAMES[kind])
