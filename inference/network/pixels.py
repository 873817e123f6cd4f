"""What pixels alone say of a photograph: focus, light, hair, ink and whether it shows skin.

Arithmetic on small whole numbers, about a millisecond for a square of 160 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.uint8]
Flags = NDArray[np.bool_]

SCALES = (80, 40, 20)
THIN = 7  # widest hair in pixels of the square
STEPS = 24  # cells of the line that a hair must fill, all but a few
GAPS = 2
DARKER = 16  # than its surroundings, in grey levels
WINDOW = 15  # cells a side: where more than CROWDED of them are thin and dark, it is a pattern
CROWDED = 0.35
DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))


@dataclass(frozen=True)
class Quality:
    """Contrast (grey standard deviation) and brightness in 0–255; the others are shares.

    `dark` and `bright` are shares of pixels below 12 and above 250; `sharpness` is about 0.75 for a
    photograph in focus (see `sharpness`); `uneven` compares the light on the four sides; `hair` and
    `ink` are shares of the lesion, or of the middle of the square where no mask is given;
    `not_skin` is the share of pixels in colours that skin and lesions do not have.
    """

    contrast: float
    brightness: float
    dark: float
    bright: float
    sharpness: float
    uneven: float = 0.0
    hair: float = 0.0
    ink: float = 0.0
    not_skin: float = 0.0


def measure(square: NDArray[np.uint8], lesion: NDArray[np.uint8] | None = None) -> Quality:
    """Measures of a (size, size, 3) square; `lesion`, where known, is its mask (h, w), 0–255."""
    exact = square.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    grey = exact.astype(np.uint8)
    region = _region(grey.shape, lesion)
    return Quality(
        contrast=float(exact.std()),
        brightness=float(exact.mean()),
        dark=float((grey < 12).mean()),
        bright=float((grey > 250).mean()),
        sharpness=sharpness(exact),
        uneven=_uneven(grey),
        hair=float(hairs(grey)[region].mean()),
        ink=float(ink(square[::2, ::2])[region[::2, ::2]].mean()),
        not_skin=_not_skin(square),
    )


def sharpness(grey: NDArray[np.float32]) -> float:
    """How much detail is left at 80 cells a side, compared with 40 and with 20 cells.

    Photographs lose detail from scale to scale at much the same rate; one out of focus has lost the
    finest first. All scales are coarser than any image that is accepted, so that its resolution
    hardly matters, and contrast does not matter at all.
    """
    picture = Image.fromarray(grey)
    detail = []
    for side in SCALES:
        small = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
        middle = small[1:-1, 1:-1]
        around = small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]
        detail.append(float((around - 4 * middle).std()))
    fine, half, quarter = detail
    # Beyond a strong blur, rounding is all that is left of the two finer scales.
    return min(fine / max(half, 1e-3), 2 * fine / max(quarter, 1e-3))


def hairs(grey: Grey) -> Flags:
    """Where dark hairs lie: thin, darker than what is beside them, and long.

    A closing fills what is thin and dark, as in DullRazor (Lee et al. 1997); of that, only what
    nearly fills a straight line of STEPS cells in one of eight directions is hair. Pigment network
    and dots are too short or, where lines cross by chance, too crowded.
    """
    filled = _slide(_slide(grey, (0, 1), THIN, np.maximum), (1, 0), THIN, np.maximum)
    filled = _slide(_slide(filled, (0, -1), THIN, np.minimum, 255), (-1, 0), THIN, np.minimum, 255)
    # In a dark lesion a hair is less dark than on skin: the light there is the measure.
    thin = ((filled - grey) > np.maximum(filled >> 3, DARKER)).astype(np.uint8)
    found = np.zeros_like(thin)
    for down, right in DIRECTIONS:
        line, steps, gaps = thin, STEPS, GAPS
        if 2 in (abs(down), abs(right)):
            # A slanting step jumps over a cell: the line is two cells wide.
            line = np.maximum(thin, _moved(thin, (0, 1) if abs(down) == 2 else (1, 0)))
            steps, gaps = STEPS // 2, GAPS // 2
        full = _slide(line, (down, right), steps, np.add) >= steps - gaps
        long = _slide(full.view(np.uint8), (-down, -right), steps, np.maximum)
        np.maximum(found, long, out=found)
    return (found & thin).view(np.bool_) & ~_crowded(thin)


def _crowded(thin: Grey) -> Flags:
    half = WINDOW // 2
    rows = _slide(_moved(thin, (-half, 0)), (1, 0), WINDOW, np.add)
    count = _slide(_moved(rows, (0, -half)), (0, 1), WINDOW, np.add)
    return np.asarray(count > CROWDED * WINDOW**2, np.bool_)


def ink(square: NDArray[np.uint8]) -> Flags:
    """Where a pen has been: violet, blue or green, of a strength that no lesion has."""
    red, green, blue = (square[..., channel].astype(np.int16) for channel in range(3))
    cold = np.maximum(blue, green)
    strength = cold - np.minimum(red, np.minimum(green, blue))
    return (cold > red + 24) & (strength > 60)


def cut(mask: NDArray[np.uint8]) -> float:
    """The share of the frame's edge that is lesion; `mask` (h, w), 0–255, is over the frame."""
    edge = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return float((edge >= 128).mean())


def _region(shape: tuple[int, ...], lesion: NDArray[np.uint8] | None) -> Flags:
    if lesion is not None:
        sized = Image.fromarray(lesion).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        inside = np.asarray(sized) >= 128
        if inside.mean() >= 0.01:
            return inside
    down, right = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(
        (down / shape[0] - 0.5) ** 2 + (right / shape[1] - 0.5) ** 2 < 0.35**2, np.bool_
    )


def _uneven(grey: Grey) -> float:
    """Light of the darkest of the four sides, missing from that of the brightest: 0–1."""
    width = max(grey.shape[0] // 10, 1)
    strips = (grey[:width], grey[-width:], grey[:, :width], grey[:, -width:])
    # The brighter quarter of a side is skin even where a lesion or a hair reaches it.
    light = [_upper_quartile(strip[::2, ::2].ravel()) for strip in strips]
    return 1 - min(light) / max(max(light), 1)


def _upper_quartile(values: Grey) -> int:
    place = values.size * 3 // 4
    return int(np.partition(values, place)[place])


def _not_skin(square: NDArray[np.uint8]) -> float:
    """Of the pixels bright enough to have a colour: those that are grey, green or blue.

    0 where next to none is bright enough: then it is dark, and the colour cannot be told.
    """
    red, green, blue = (square[::2, ::2, channel].astype(np.int16) for channel in range(3))
    most = np.maximum(red, np.maximum(green, blue))
    chroma = most - np.minimum(red, np.minimum(green, blue))
    coloured = most >= 60
    skin = (red + 24 >= np.maximum(green, blue)) & (chroma * 32 >= most)
    if coloured.mean() < 0.05:
        return 0.0
    return float((coloured & ~skin).sum() / coloured.sum())


def _moved(cells: Grey, by: tuple[int, int], outside: int = 0) -> Grey:
    """`cells` as seen `by` rows and columns further on; `outside` beyond the edge."""
    down, right = by
    height, width = cells.shape
    out = np.full_like(cells, outside)
    out[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)] = cells[
        max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)
    ]
    return out


def _slide(
    cells: Grey, step: tuple[int, int], length: int, join: np.ufunc, outside: int = 0
) -> Grey:
    """`join` over `length` cells from each cell on, along `step`, by doubling."""
    out, reach = cells, 1
    while reach < length:
        more = min(reach, length - reach)
        if join is np.add and more < reach:
            # Sums may not overlap, as extremes may.
            rest = _slide(cells, step, more, join)
            return np.asarray(out + _moved(rest, (step[0] * reach, step[1] * reach)))
        out = join(out, _moved(out, (step[0] * more, step[1] * more), outside))
        reach += more
    return out
