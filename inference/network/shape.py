"""The outline of a lesion and what can be measured of it, from the mask's grid and the frame.

Numbers only. Words such as "asymmetric" or "irregular" stay off (`WORDS`): nobody has shown yet
that these figures agree with experts, and no labels of experts (asymmetry 0, 1, 2; colours) came
with the training images. The outline itself is smoothed by its grid of a few dozen cells: fine
notches and streaks at the border are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

WORDS = False  # pages say no word for a figure until agreement with experts is measured

LEVEL = 127.5
SMALLEST = 0.002  # share of the frame: a smaller find is no lesion
MOST_CUT = 0.15  # share of the outline on the frame's edge, above which a shape means nothing
EDGE = 0.004  # in sides of the frame
LONGEST = 96  # pixels of the frame's longer side where colours are looked at
RINGS, SPOKES = 20, 72  # of the wheel around the centroid: an axis every 2.5 degrees
LEAST_COLOUR = 0.05  # share of the lesion from which a colour counts

# The six colours of the ABCD rule (Nachbar et al. 1994) as anchors in CIE Lab (D65). The rule
# names them only; the anchors are ours, and a pixel has the colour of the nearest one.
COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (88, 2, 5),
    "red": (50, 45, 25),
    "light_brown": (58, 18, 30),
    "dark_brown": (32, 18, 22),
    "blue_grey": (46, -1, -10),
    "black": (8, 2, 2),
}

Polygon = list[tuple[float, float]]


@dataclass(frozen=True)
class Measurements:
    """Figures of one lesion; none of them depends on how the camera was turned.

    `area_share` of the frame. `asymmetry_shape`, 0–1: the share of the area without counterpart
    behind the better pair of perpendicular axes through the centroid, mean of both (the axes of
    Stolz et al. 1994). `asymmetry_colour`: mean CIE76 difference of mirrored points, mean of the
    axes with the least. `compactness`: perimeter² / (4π·area), 1 for a disc. `solidity`: share of
    the convex hull that is filled. `colours`: share of the lesion nearest to each of COLOURS;
    `colour_count`: those of at least LEAST_COLOUR. `area_mm2`, `diameter_mm` (the greatest): None
    without a scale, or when the frame cuts the lesion. `touches_border`: the frame cuts it.
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


def lesion(grid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grid (h, w) of probabilities, 0–255, with one lesion: the largest, without holes."""
    inside = grid > LEVEL
    labels, count = ndimage.label(inside)
    if count == 0:
        return np.zeros_like(grid)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = ndimage.binary_fill_holes(labels == sizes.argmax())
    kept = np.where(ndimage.binary_dilation(largest, np.ones((3, 3))), grid, 0)
    # Its neighbours stay, so that the outline can pass between two cells; another lesion's do not.
    kept[inside & ~largest] = 0
    kept[largest & ~inside] = 255
    return np.asarray(kept, np.uint8)


def outline(grid: bytes | NDArray[np.uint8], shape: Sequence[int]) -> list[Polygon]:
    """The lesion's outline in a stored grid of `shape` (rows, columns): one polygon, or none.

    Points are (x, y) in 0–1 over the whole frame; the last one is joined to the first. Raises
    ValueError when the bytes do not fill the shape.
    """
    rows, columns = shape
    cells = np.frombuffer(grid, np.uint8) if isinstance(grid, bytes) else np.asarray(grid)
    points = _contour(lesion(cells.reshape(rows, columns)))
    return [[(float(x), float(y)) for x, y in points]] if len(points) else []


def path(polygons: Sequence[Polygon]) -> str:
    """The `d` of an SVG path in a viewBox of 0 0 1 1; "" for no polygon."""
    return " ".join(
        "M" + " L".join(f"{x:.4f} {y:.4f}" for x, y in polygon) + " Z" for polygon in polygons
    )


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
    points = _contour(kept)
    if len(points) == 0:
        return None
    share = _area(points)
    if share < SMALLEST:
        return None
    cut = _cut(points)
    if cut > MOST_CUT:
        return None
    scaled = points * (width, height)
    area, hull = _area(scaled), _hull(scaled)
    perimeter = float(np.hypot(*(scaled - np.roll(scaled, 1, axis=0)).T).sum())
    colour = _lab(_reduced(frame, width, height))
    shape_gap, colour_gap = _asymmetry(kept, colour, scaled, (width, height))
    shares = _colours(kept, colour)
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
        solidity=min(1.0, area / _area(hull)),
        colour_count=sum(value >= LEAST_COLOUR for value in shares.values()),
        colours=shares,
        touches_border=cut > 0,
        area_mm2=area_mm2,
        diameter_mm=diameter_mm,
    )


def _contour(kept: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Marching squares at LEVEL around one lesion without holes: points (n, 2) in 0–1.

    Cells are samples at their centres; the outline of a lesion that is cut runs along the frame.
    """
    rows, columns = kept.shape
    field = np.pad(kept.astype(np.float64) - LEVEL, 1, "edge")
    # What lies beyond the frame is as far below the level: half-way is the frame's very edge.
    rim = np.pad(np.zeros((rows, columns), bool), 1, constant_values=True)
    field[rim] = -np.abs(field[rim])
    inside = field > 0
    code = (
        inside[:-1, :-1] * 1 + inside[:-1, 1:] * 2 + inside[1:, 1:] * 4 + inside[1:, :-1] * 8
    ).astype(int)
    following: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    for row, column in np.argwhere((code > 0) & (code < 15)):
        for start, stop in _TURNS[code[row, column]]:
            following[_edge(row, column, start)] = _edge(row, column, stop)
    loops: list[NDArray[np.float64]] = []
    while following:
        first, at = following.popitem()
        loop = [first]
        while at != first:
            loop.append(at)
            at = following.pop(at)
        loops.append(_points(field, np.array(loop)))
    if not loops:
        return np.empty((0, 2))
    # Where two cells meet at a corner only, there is more than one loop: the largest counts.
    points = max(loops, key=_area)
    return np.clip((points - 0.5) / (columns, rows), 0, 1)


# Edges of a square of four samples: 0 above, 1 right, 2 below, 3 left; the lesion lies to the
# right of the way from one to the other.
_TURNS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 3),),
    2: ((1, 0),),
    3: ((1, 3),),
    4: ((2, 1),),
    5: ((0, 3), (2, 1)),
    6: ((2, 0),),
    7: ((2, 3),),
    8: ((3, 2),),
    9: ((0, 2),),
    10: ((1, 0), (3, 2)),
    11: ((1, 2),),
    12: ((3, 1),),
    13: ((0, 1),),
    14: ((3, 0),),
}


def _edge(row: int, column: int, side: int) -> tuple[int, int, int]:
    """The edge as (row, column, 0 along the row or 1 down), the same from both its squares."""
    down, right = int(side == 2), int(side == 1)
    return int(row) + down, int(column) + right, side % 2


def _points(field: NDArray[np.float64], loop: NDArray[np.int64]) -> NDArray[np.float64]:
    row, column, downward = loop.T
    here = field[row, column]
    there = field[row + downward, column + 1 - downward]
    part = here / (here - there)
    return np.stack([column + part * (1 - downward), row + part * downward], axis=1)


def _area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _cut(points: NDArray[np.float64]) -> float:
    """The share of the outline, in sides of the frame, that lies on the frame's edge."""
    ahead = np.roll(points, -1, axis=0)
    length = np.hypot(*(ahead - points).T)
    on_edge = np.zeros(len(points), bool)
    for axis in (0, 1):
        low = np.maximum(points, ahead)[:, axis] < EDGE
        high = np.minimum(points, ahead)[:, axis] > 1 - EDGE
        on_edge |= low | high
    return float(length[on_edge].sum() / max(length.sum(), 1e-9))


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The convex hull (Andrew's monotone chain)."""
    ordered = sorted(map(tuple, points.tolist()))

    def chain(candidates: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
        kept: list[tuple[float, ...]] = []
        for x, y in candidates:
            while len(kept) > 1:
                (x0, y0), (x1, y1) = kept[-2:]
                if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                    break
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


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

    A reflection of the wheel about one of its axes is another order of its spokes.
    """
    centre = _centroid(outline_)
    reach = float(np.hypot(*(outline_ - centre).T).max())
    radius = (np.arange(RINGS) + 0.5) / RINGS * reach
    angle = np.arange(SPOKES) * (2 * math.pi / SPOKES)
    x = (centre[0] + radius[:, None] * np.cos(angle)) / size[0]
    y = (centre[1] + radius[:, None] * np.sin(angle)) / size[1]
    inside = np.clip((_sample(kept, x, y) - LEVEL) / 64 + 0.5, 0, 1)
    shades = np.stack([_sample(colour[..., part], x, y) for part in range(3)])
    spoke = np.arange(SPOKES)
    mirrored = (spoke[:, None] - spoke) % SPOKES  # (axis, spoke); the axes lie 2.5 degrees apart
    weight = radius[:, None]
    # From here on: rings by axes by spokes.
    behind = inside[:, mirrored]
    alone = np.abs(inside[:, None] - behind) * weight[:, None]
    shape_gap = alone.sum((0, 2)) / (2 * (inside * weight).sum())
    both = inside[:, None] * behind * weight[:, None]
    difference = np.sqrt(((shades[:, :, None] - shades[:, :, mirrored]) ** 2).sum(0))
    colour_gap = (both * difference).sum((0, 2)) / np.maximum(both.sum((0, 2)), 1e-9)
    return _least_pair(shape_gap), _least_pair(colour_gap)


def _least_pair(gaps: NDArray[np.float64]) -> float:
    return float(((gaps + np.roll(gaps, SPOKES // 2)) / 2).min())


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


def _colours(kept: NDArray[np.uint8], colour: NDArray[np.float32]) -> dict[str, float]:
    rows, columns = colour.shape[:2]
    inside = np.asarray(Image.fromarray(kept).resize((columns, rows), Image.Resampling.BILINEAR))
    pixels = colour[inside > LEVEL]
    anchors = np.array(list(COLOURS.values()), np.float32)
    nearest = ((pixels[:, None] - anchors) ** 2).sum(2).argmin(1)
    counts = np.bincount(nearest, minlength=len(anchors)) / max(1, len(pixels))
    return {name: round(float(part), 4) for name, part in zip(COLOURS, counts, strict=True)}
