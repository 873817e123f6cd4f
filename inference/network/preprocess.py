"""From the bytes of an image file to the squares that the network looks at. One way, everywhere.

The classes are told from the centre square of the image, resized with an antialiasing (area-aware
bicubic) filter: a frame of 600×450 or 200×150 loses its sides. The lesion's outline is looked for
in the whole frame, squeezed into the same square.
"""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FILTER = Image.Resampling.BICUBIC
SPARE = 1.4  # what is left for the filter to take away
WIDEST = 8  # sides: of a longer strip only the middle is looked at


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


def frame(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The whole image with its shorter side resized to `size`, shape (h, w, 3), not distorted.

    Its centre is, to the pixel, what `square` gives, and from it comes the squeezed frame too: so
    one resize serves both. The longer side loses less than one of the new pixels at either end.
    """
    width, height = image.size
    side = min(width, height)
    longer = min(int(size * max(width, height) / side), WIDEST * size)
    longer -= (longer - size) % 2  # the centre square begins at a whole pixel
    across, down = (longer, size) if width >= height else (size, longer)
    if image.size == (across, down):
        return np.asarray(image, np.uint8)
    left, top = (width - across * side / size) / 2, (height - down * side / size) / 2
    box = (max(left, 0.0), max(top, 0.0), min(width - left, width), min(height - top, height))
    return np.asarray(image.resize((across, down), FILTER, box=box), np.uint8)


def centre(framed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The centre square (size, size, 3) of what `frame` gave."""
    height, width = framed.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return framed[top : top + side, left : left + side]


def squeezed(framed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `frame` gave as a square (size, size, 3) that holds all of it, distorted."""
    height, width = framed.shape[:2]
    side = min(height, width)
    if height == width:
        return framed
    return np.asarray(Image.fromarray(framed).resize((side, side), FILTER), np.uint8)


def centre_of_grid(grid: NDArray[np.uint8], framed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of a grid (h, w) over the whole frame, what lies over its centre square; as many cells."""
    height, width = framed.shape[:2]
    rows, columns = grid.shape
    if height == width:
        return grid
    left = columns * (1 - min(1.0, height / width)) / 2
    top = rows * (1 - min(1.0, width / height)) / 2
    box = (left, top, columns - left, rows - top)
    picture = Image.fromarray(grid).resize((columns, rows), Image.Resampling.BILINEAR, box=box)
    return np.asarray(picture, np.uint8)
