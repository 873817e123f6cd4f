"""The outline of a lesion and what can be measured of it, from the mask's grid and the frame.

Numbers only. Words such as "asymmetric" or "irregular" stay off (`WORDS`): nobody has shown yet
that these figures agree with experts, and no labels of experts (asymmetry 0, 1, 2; colours) came
with the training images. The outline itself is smoothed by its grid of a few dozen cells: fine
notches and streaks at the border are not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from . import contour
from .contour import LEVEL, lesion, outline, path

__all__ = ["LEVEL", "Measurements", "lesion", "measure", "outline", "path"]

WORDS = False  # pages say no word for a figure until agreement with experts is measured

SMALLEST = 0.002  # share of the frame: a smaller find is no lesion
MOST_CUT = 0.15  # share of the outline on the frame's edge, above which a shape means nothing
LONGEST = 80  # pixels of the frame's longer side where colours are looked at
RINGS, SPOKES = 24, 96  # of the wheel around the centroid: an axis every 1.875 degrees
LEAST_COLOUR = 0.05  # share of the lesion from which a colour counts

# The six colours of the ABCD rule (Nachbar et al. 1994) as anchors in CIE Lab (D65), on skin of the
# colour SKIN. The rule names them only; the anchors are ours, and a pixel has the nearest one's.
COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (88, 2, 5),
    "red": (50, 45, 25),
    "light_brown": (58, 18, 30),
    "dark_brown": (32, 18, 22),
    "blue_grey": (46, -1, -10),
    "black": (8, 2, 2),
}
SKIN = (72.0, 15.0, 14.0)
LEAST_SKIN = 0.05  # share of the frame outside of the lesion, below which the light stays as it is
DARK = 20.0  # lightness of what is no skin: the rim of a dermoscope


@dataclass(frozen=True)
class Measurements:
    """Figures of one lesion; none of them depends on how the camera was turned.

    `area_share` of the frame. `asymmetry_shape`, 0–1: the share of the area without counterpart
    behind the better pair of perpendicular axes through the centroid, mean of both (the axes of
    Stolz et al. 1994). `asymmetry_colour`: root mean square CIE76 difference of mirrored points,
    over the pair of axes with the least. `compactness`: perimeter² / (4π·area), 1 for a disc.
    `solidity`: share of the convex hull that is filled. `colours`: share of the lesion nearest to
    each of COLOURS; `colour_count`: those of at least LEAST_COLOUR. `area_mm2`, `diameter_mm` (the
    greatest): None without a scale, or when the frame cuts the lesion. `touches_border`: it does.
    """

    area_share: float
    asymmetry_shape: float
    asymmetry_colour: float
    compactness: float
    solidity: float
    colour_count: int
    colours: dict[str, float]
    touches_border: bool
    area_mm2: float | None
    diameter_mm: float | None


def measure(
    frame: NDArray[np.uint8],
    grid: NDArray[np.uint8],
    *,
    size: tuple[int, int] | None = None,
    pixel_spacing_mm: tuple[float, float] | None = None,
) -> Measurements | None:
    """Measure the lesion in `grid` (h, w), 0–255, over the whole `frame`, RGB (H, W, 3).

    `size` is the original's (width, height) in pixels, for a frame that was squeezed; by default
    the frame's own. `pixel_spacing_mm` is the original's, (row, column) as in DICOM. None when no
    lesion was found, or when the frame cuts too much of it away.
    """
    width, height = size or (frame.shape[1], frame.shape[0])
    kept = lesion(grid)
    points = contour.trace(kept)
    if len(points) == 0:
        return None
    share = contour.area(points)
    if share < SMALLEST:
        return None
    cut = contour.share_on_edge(points)
    if cut > MOST_CUT:
        return None
    scaled = points * (width, height)
    area, hull = contour.area(scaled), contour.hull(scaled)
    perimeter = float(np.hypot(*(scaled - np.roll(scaled, 1, axis=0)).T).sum())
    colour = _lab(_reduced(frame, width, height))
    inside = _enlarged(kept, colour)
    colour = _on_even_skin(colour, inside)
    shape_gap, colour_gap = _asymmetry(kept, colour, scaled, (width, height))
    shares = _shares(colour[inside])
    area_mm2 = diameter_mm = None
    if pixel_spacing_mm is not None and cut == 0:
        down, across = pixel_spacing_mm
        area_mm2 = area * down * across
        spread = hull * (across, down)
        diameter_mm = float(np.hypot(*(spread[:, None] - spread[None]).T).max())
    return Measurements(
        area_share=share,
        asymmetry_shape=shape_gap,
        asymmetry_colour=colour_gap,
        compactness=perimeter**2 / (4 * math.pi * area),
        solidity=min(1.0, area / contour.area(hull)),
        colour_count=sum(value >= LEAST_COLOUR for value in shares.values()),
        colours=shares,
        touches_border=cut > 0,
        area_mm2=area_mm2,
        diameter_mm=diameter_mm,
    )


def _reduced(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    scale = min(1.0, LONGEST / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX), np.uint8)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB to CIE Lab under D65."""
    linear = _LINEAR[pixels]
    ratio = linear @ _TO_XYZ
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + np.float32(16 / 116))
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS > 0.04045, ((_LEVELS + 0.055) / 1.055) ** 2.4, _LEVELS / 12.92).astype(
    np.float32
)
_TO_XYZ = np.array(
    [
        [0.4124 / 0.9505, 0.2126, 0.0193 / 1.0890],
        [0.3576 / 0.9505, 0.7152, 0.1192 / 1.0890],
        [0.1805 / 0.9505, 0.0722, 0.9505 / 1.0890],
    ],
    np.float32,
)


def _asymmetry(
    kept: NDArray[np.uint8],
    colour: NDArray[np.float32],
    outline_: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[float, float]:
    """Of shape and of colour, on a wheel of rings and spokes around the centroid.

    A reflection about one of the wheel's axes takes spoke s to spoke k - s: sums over mirrored
    points are circular convolutions of the rings, all axes at once.
    """
    centre = _centroid(outline_)
    reach = float(np.hypot(*(outline_ - centre).T).max())
    radius = (np.arange(RINGS) + 0.5) / RINGS * reach
    angle = np.arange(SPOKES) * (2 * math.pi / SPOKES)
    x = (centre[0] + radius[:, None] * np.cos(angle)) / size[0]
    y = (centre[1] + radius[:, None] * np.sin(angle)) / size[1]
    inside = np.clip((_sample(kept, x, y) - LEVEL) / 64 + 0.5, 0, 1)
    shades = [inside * _sample(colour[..., part], x, y) for part in range(3)]
    squares = sum((shade**2 for shade in shades), np.zeros_like(inside)) / np.maximum(inside, 1e-9)
    turned = np.fft.rfft(np.stack([inside, squares, *shades]))

    def mirrored(one: int, other: int) -> NDArray[np.float64]:
        """The sum over the wheel of one field times the other's mirror image, for each axis."""
        return np.asarray(np.fft.irfft(radius @ (turned[one] * turned[other]), SPOKES))

    both = mirrored(0, 0)
    shape_gap = 1 - both / (radius @ inside**2).sum()
    gap = 2 * (mirrored(0, 1) - mirrored(2, 2) - mirrored(3, 3) - mirrored(4, 4))
    colour_gap = np.sqrt(np.maximum(gap, 0) / np.maximum(both, 1e-9))
    return _least_pair(shape_gap), _least_pair(colour_gap)


def _least_pair(gaps: NDArray[np.float64]) -> float:
    # Reflections k and k + SPOKES / 2 have perpendicular axes.
    return max(0.0, float(((gaps + np.roll(gaps, SPOKES // 2)) / 2).min()))


def _centroid(points: NDArray[np.float64]) -> NDArray[np.float64]:
    ahead = np.roll(points, -1, axis=0)
    cross = points[:, 0] * ahead[:, 1] - ahead[:, 0] * points[:, 1]
    return np.asarray(((points + ahead) * cross[:, None]).sum(0) / (3 * cross.sum()))


def _sample(
    field: NDArray[np.uint8] | NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Between the cells of a field over the frame, at points in 0–1; zero beyond the frame."""
    rows, columns = field.shape
    at = np.stack([y * rows - 0.5, x * columns - 0.5])
    sampled = ndimage.map_coordinates(field, at, np.float64, order=1, mode="nearest")
    beyond = (x < 0) | (x > 1) | (y < 0) | (y > 1)
    return np.where(beyond, 0.0, sampled)


def _enlarged(kept: NDArray[np.uint8], colour: NDArray[np.float32]) -> NDArray[np.bool_]:
    rows, columns = colour.shape[:2]
    grid = Image.fromarray(kept).resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(np.asarray(grid) > LEVEL)


def _on_even_skin(colour: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Lab shifted so that the skin around is SKIN: cameras differ in their cast more than lesions.

    Nevi and melanomas of HAM10000 come from different cameras; without this step nearly every
    nevus has red in it.
    """
    around = colour[~inside & (colour[..., 0] > DARK)]
    if len(around) < LEAST_SKIN * inside.size:
        return colour
    lightness, *cast = np.median(around, axis=0)
    even = colour - np.array([0, *cast], np.float32) + np.array([0, *SKIN[1:]], np.float32)
    even[..., 0] *= np.clip(SKIN[0] / lightness, 0.8, 1.25)
    return np.asarray(even, np.float32)


def _shares(pixels: NDArray[np.float32]) -> dict[str, float]:
    """Of the lesion's pixels (n, 3), the share nearest to each of COLOURS."""
    anchors = np.array(list(COLOURS.values()), np.float32)
    nearest = ((pixels[:, None] - anchors) ** 2).sum(2).argmin(1)
    counts = np.bincount(nearest, minlength=len(anchors)) / max(1, len(pixels))
    return {name: round(float(part), 4) for name, part in zip(COLOURS, counts, strict=True)}
