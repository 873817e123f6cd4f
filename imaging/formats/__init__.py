"""Admission: a stranger's bytes in, a clean picture out, or a refusal that says why.

The content decides what a file is, never its name. Limits are checked on headers, before anything
is decoded. What is kept is upright 8-bit sRGB without metadata; of DICOM also the object itself.
"""

import hashlib
import logging
import traceback
from dataclasses import dataclass

from imaging.formats import dicom, jpeg, png, raster
from imaging.formats.dicom import DicomTags
from imaging.formats.refusal import MAX_BYTES, MAX_PIXELS, MIN_SIDE, SENTENCES, Refused

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "SENTENCES",
    "Admitted",
    "DicomTags",
    "Refused",
    "admit",
]

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class Admitted:
    """A picture that was taken in.

    ``format`` is "jpeg", "png" or "dicom"; ``sha256`` the hex digest of the received bytes;
    ``width`` and ``height`` those of ``image``: a JPEG or PNG, upright, 8-bit RGB, sRGB, without
    metadata. ``thumbnail`` is a JPEG, longest side at most 320. ``original`` is the DICOM object
    as received with its preamble zeroed; None for other formats.
    """

    format: str
    sha256: str
    width: int
    height: int
    image: bytes
    image_media_type: str
    thumbnail: bytes
    original: bytes | None
    dicom: DicomTags | None


def admit(data: bytes, *, filename: str = "") -> Admitted:
    """Check, decode and clean an uploaded file.

    ``filename`` is only asked for its ending: one that names another image format is refused.
    Raises Refused, and nothing else, for bad input.
    """
    try:
        return _admit(data, filename)
    except Refused:
        raise
    except Exception as error:
        # Decoders meet bytes that nobody foresaw. Where it broke is logged, what was in it is not.
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.warning(
            "A file broke its reader: %s at %s:%s", type(error).__name__, place.name, place.lineno
        )
        raise Refused("damaged") from error


def _admit(data: bytes, filename: str) -> Admitted:
    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too-large", limit=MAX_BYTES // (1024 * 1024))
    kind = _sniff(data)
    _check_ending(filename, kind)
    tags: DicomTags | None = None
    original: bytes | None = None
    if kind == "jpeg":
        picture = jpeg.read(data)
    elif kind == "png":
        picture = png.read(data)
    else:
        reading = dicom.read(data)
        picture, tags, original = reading.picture, reading.tags, reading.original
    return Admitted(
        format=kind,
        sha256=hashlib.sha256(data).hexdigest(),
        width=picture.image.width,
        height=picture.image.height,
        image=raster.encode(picture),
        image_media_type=picture.media_type,
        thumbnail=raster.thumbnail(picture.image),
        original=original,
        dicom=tags,
    )


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
