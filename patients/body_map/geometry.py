"""Curves and polygons of the body map, in a view's own units (x to the right, y down).

The path that a browser draws and the polygon that the server decides by are made of the same
points: where a click lies is the same question on both sides.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Polygon = tuple[Point, ...]
FloatArray = NDArray[np.float64]

STEPS = 6  # straight pieces between two points of a curve


def smooth(points: Sequence[Point]) -> Polygon:
    """A closed curve through the points (uniform Catmull-Rom), as a fine polygon."""
    count = len(points)
    fine: list[Point] = []
    for index in range(count):
        before, here, there, after = (points[(index + step) % count] for step in (-1, 0, 1, 2))
        for step in range(STEPS):
            t = step / STEPS
            x, y = (
                round(_between(before[axis], here[axis], there[axis], after[axis], t), 1)
                for axis in (0, 1)
            )
            fine.append((x, y))
    return tuple(fine)


def _between(p0: float, p1: float, p2: float, p3: float, t: float) -> float:
    linear = (p2 - p0) * t
    square = (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
    cubic = (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return 0.5 * (2 * p1 + linear + square + cubic)


def path(polygon: Sequence[Point]) -> str:
    """A closed polygon as the `d` of an SVG path: steps in tenths of a unit, as short as can be."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in polygon]
    steps = [
        f"{_tenths(x2 - x1)}{_joined(_tenths(y2 - y1))}"
        for (x1, y1), (x2, y2) in pairwise(tenths)
        if (x1, y1) != (x2, y2)
    ]
    start = f"m{_tenths(tenths[0][0])}{_joined(_tenths(tenths[0][1]))}"
    return start + "".join(_joined(each) for each in steps) + "z"


def _tenths(value: int) -> str:
    text = f"{value / 10:g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _joined(number: str) -> str:
    """A minus sign parts two numbers as well as a space does."""
    return number if number.startswith("-") else f" {number}"


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Is the point inside? By the number of edges that a ray to the right crosses."""
    x, y = point
    inside = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


def within(polygon: Sequence[Point], points: FloatArray) -> NDArray[np.bool_]:
    """`contains` for many points at once, an array of n × 2."""
    x, y = points[:, 0, None], points[:, 1, None]
    ends = np.asarray(polygon)
    starts = np.roll(ends, 1, axis=0)
    (x1, y1), (x2, y2) = starts.T, ends.T
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    odd: NDArray[np.bool_] = crossed.sum(axis=1) % 2 == 1
    return odd


@cache
def box(polygon: Polygon) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    xs, ys = [x for x, _y in polygon], [y for _x, y in polygon]
    return min(xs), min(ys), max(xs), max(ys)


def mirrored(points: Sequence[Point], width: float) -> Polygon:
    """As in a looking glass that stands upright in the middle of a view."""
    return tuple((round(width - x, 2), y) for x, y in reversed(points))
