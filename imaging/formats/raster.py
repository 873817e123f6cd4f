"""What every format ends in: an upright 8-bit sRGB picture, encoded once, and its thumbnail."""

import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from imaging.formats import tiff

THUMBNAIL_SIDE = 320
MAX_ICC_BYTES = 4 * 1024 * 1024
JPEG = "image/jpeg"
PNG = "image/png"

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

# What makes a metadata block the beginning of another file. Pixels are never searched:
# compressed data may hold any short run of bytes by chance.
_FOREIGN = re.compile(
    rb"%PDF-|<script|<html|<!doctype|<\?php|PK\x03\x04[\x00-\x3f]\x00|PK\x05\x06|\x7fELF|#!/",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Picture:
    """A decoded picture: ``image`` is upright sRGB in mode RGB; ``encoded`` holds the very same
    pixels as a clean JPEG or PNG where no new encoding is needed."""

    image: Image.Image
    encoded: bytes | None
    media_type: str


def holds_foreign_file(block: bytes) -> bool:
    """Tell whether a metadata block hides a document, an archive or a script."""
    return _FOREIGN.search(block) is not None


def encode(picture: Picture) -> bytes:
    """Return the picture's bytes as shown: JPEG of quality 95 without chroma subsampling, or PNG;
    without EXIF, XMP, ICC profile or comments."""
    if picture.encoded is not None:
        return picture.encoded
    buffer = io.BytesIO()
    if picture.media_type == PNG:
        picture.image.save(buffer, "PNG", exif=b"", icc_profile=None)
    else:
        _save_jpeg(picture.image, buffer, quality=95)
    return buffer.getvalue()


def thumbnail(image: Image.Image) -> bytes:
    """Return a JPEG whose longest side is at most 320 pixels."""
    small = (
        image.copy()
        if max(image.size) <= THUMBNAIL_SIDE * 2
        else image.reduce(max(1, max(image.size) // (THUMBNAIL_SIDE * 2)))
    )
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    _save_jpeg(small, buffer, quality=85)
    return buffer.getvalue()


def _save_jpeg(image: Image.Image, buffer: io.BytesIO, *, quality: int) -> None:
    image.info = {}
    image.save(buffer, "JPEG", quality=quality, subsampling="4:4:4", exif=b"", icc_profile=None)


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Return ``image`` (mode L, RGB or CMYK) in mode RGB, converted from its ICC profile to sRGB.

    A profile that is broken or made for another kind of picture is ignored, as browsers do.
    """
    profile = _profile(icc, image.mode)
    if profile is not None:
        try:
            converted = ImageCms.profileToProfile(
                image,
                profile,
                _SRGB,
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except ImageCms.PyCMSError:
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def means_srgb(icc: bytes | None) -> bool:
    """Tell whether RGB values under this profile are sRGB already, within two levels of 255.

    The name in a profile proves nothing, so a grid of colours is sent through it.
    """
    if _profile(icc, "RGB") is None:
        return True
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    converted = np.asarray(to_srgb(Image.fromarray(grid), icc))
    return int(np.abs(converted.astype(int) - grid).max()) <= 2


def _profile(icc: bytes | None, mode: str) -> ImageCms.ImageCmsProfile | None:
    if not icc or len(icc) > MAX_ICC_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return profile if _MODES.get(space) == mode else None


def orientation(exif: bytes | None) -> int:
    """Return the EXIF orientation (1 to 8); 1 where it is missing or cannot be read."""
    for entry in tiff.entries((exif or b"").removeprefix(b"Exif\0\0")):
        if entry.tag == 0x0112 and entry.count == 1 and entry.kind in (tiff.SHORT, tiff.LONG):
            return entry.number() if 1 <= entry.number() <= 8 else 1
    return 1


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Apply an EXIF orientation."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image
