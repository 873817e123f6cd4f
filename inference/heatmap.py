"""The heat map as a picture that lies over the image: colour and opacity grow with the evidence.

The same colour is the same evidence on every image of a package: nothing is stretched here.
"""

import io
from collections.abc import Sequence

from PIL import Image

LONGEST = 1024  # pixels: more would only enlarge a grid of a few cells further
OPAQUE = 200  # of 255, so that the skin stays visible under the strongest evidence

# Anchors of the inferno colour map (Smith and van der Walt, matplotlib 2.0): even in lightness, so
# that it reads the same with any colour vision. It begins above black, which would hide skin.
_ANCHORS = [(87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)]


def png(grid: bytes, shape: Sequence[int], size: tuple[int, int]) -> bytes:
    """A PNG over an image of `size` (width, height), at most LONGEST pixels a side.

    `grid` has one byte a cell, on the scale of `network/saliency.py`, `shape` its rows and columns.
    It spans the centre square that the network saw; the rest is transparent.
    """
    rows, columns = shape
    scale = min(1.0, LONGEST / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    side = min(width, height)
    cells = Image.frombytes("L", (columns, rows), grid)
    overlay = Image.new("L", (width, height), 0)
    overlay.paste(
        cells.resize((side, side), Image.Resampling.BICUBIC),
        ((width - side) // 2, (height - side) // 2),
    )
    # A grey picture is one of indices into a palette.
    overlay.putpalette(_palette())
    out = io.BytesIO()
    overlay.save(out, "PNG", transparency=bytes(OPAQUE * level // 255 for level in range(256)))
    return out.getvalue()


def _palette() -> list[int]:
    last = len(_ANCHORS) - 1
    colours: list[int] = []
    for level in range(256):
        step, share = divmod(level / 255 * last, 1)
        low = _ANCHORS[int(step)]
        high = _ANCHORS[min(int(step) + 1, last)]
        colours += [round(a + (b - a) * share) for a, b in zip(low, high, strict=True)]
    return colours
