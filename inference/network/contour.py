"""The outline of a lesion in a mask's grid, for pages and for measuring.

It is as fine as the grid of a few dozen cells, between whose centres it runs: small notches and
streaks of a border are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LEVEL = 127.5
EDGE = 0.004  # in sides of the frame: a point as near as this lies on its edge

Polygon = list[tuple[float, float]]


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
    points = trace(lesion(cells.reshape(rows, columns)))
    return [[(float(x), float(y)) for x, y in points]] if len(points) else []


def path(polygons: Sequence[Polygon]) -> str:
    """The `d` of an SVG path in a viewBox of 0 0 1 1; "" for no polygon."""
    return " ".join(
        "M" + " L".join(f"{x:.4f} {y:.4f}" for x, y in polygon) + " Z" for polygon in polygons
    )


def trace(kept: NDArray[np.uint8]) -> NDArray[np.float64]:
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
    points = max(loops, key=area)
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


def area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def share_on_edge(points: NDArray[np.float64]) -> float:
    """The share of the outline, in sides of the frame, that lies on the frame's edge."""
    ahead = np.roll(points, -1, axis=0)
    length = np.hypot(*(ahead - points).T)
    on_edge = np.zeros(len(points), bool)
    for axis in (0, 1):
        low = np.maximum(points, ahead)[:, axis] < EDGE
        high = np.minimum(points, ahead)[:, axis] > 1 - EDGE
        on_edge |= low | high
    return float(length[on_edge].sum() / max(length.sum(), 1e-9))


def hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
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
