"""From the bytes of an image file to the square that the network looks at. One way, everywhere.

The centre square of the image is resized with an antialiasing (area-aware bicubic) filter. A whole
frame of 600×450 or 200×150 loses its sides; a square, cropped or squeezed, is kept whole.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FILTER = Image.Resampling.BICUBIC
SPARE = 1.4  # what is left for the filter to take away


class UnreadableImage(ValueError):
    """The bytes are no image that can be decoded whole."""


def decode(data: bytes, *, for_size: int | None = None) -> Image.Image:
    """RGB image of JPEG or PNG bytes, turned as its EXIF orientation says. Raises UnreadableImage.

    With `for_size`, a JPEG much larger than that square is decoded at a half, a quarter or an
    eighth of its size, never below SPARE times the square: libjpeg then leaves out the fine cosine
    terms that the resize would remove. Training frames are too small for it to happen.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if for_size is not None:
                side = math.ceil(SPARE * for_size)
                image.draft("RGB", (side, side))
            image.load()
            upright = ImageOps.exif_transpose(image)
            return upright.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage("The file could not be decoded as an image.") from error


def square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The centre square of an RGB image, shape (size, size, 3)."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    if (side, image.size) != (size, (size, size)):
        image = image.resize((size, size), FILTER, box=box)
    return np.asarray(image, np.uint8)
