"""The lesion's mask as pictures: a line over the image, and a black and white one to measure by."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from inference.network import shape as shapes

INSIDE = 128  # of 255: from this probability on a place belongs to the lesion


def svg(grid: bytes, shape: Sequence[int], size: tuple[int, int]) -> str | None:
    """The outline over an image of `size` (width, height); None when no lesion was found.

    `grid` has one byte a cell over the whole frame, `shape` its rows and columns. A dark line
    under a light one, so that it shows on any skin; both keep their width at any zoom.
    """
    path = shapes.path(shapes.outline(grid, shape))
    if not path:
        return None
    width, height = size
    thin = max(width, height) / 400
    lines = "".join(
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thin * wide:.2f}" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
        for colour, wide in (("#05080a", 2.4), ("#ffffff", 1.0))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 1 1" preserveAspectRatio="none">{lines}</svg>'
    )


def png(grid: bytes, shape: Sequence[int], size: tuple[int, int]) -> bytes:
    """A grey PNG of the image's `size` (width, height): 255 inside of the lesion, 0 outside."""
    rows, columns = shape
    cells = Image.frombytes("L", (columns, rows), grid)
    probability = np.asarray(cells.resize(size, Image.Resampling.BILINEAR))
    out = io.BytesIO()
    Image.fromarray(np.where(probability >= INSIDE, 255, 0).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
