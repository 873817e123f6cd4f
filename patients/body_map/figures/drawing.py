"""What the figures are drawn with.

A `Cell` is a piece of a figure: cells are painted over each other, the outline cuts them, and the
last one that holds a point is the region there. So a figure needs no seams: a coarse cell lies
below, finer ones on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import cos, pi, sin

import numpy as np
from django_stubs_ext import StrPromise

from patients.body_map.geometry import (
    FloatArray,
    Point,
    Polygon,
    box,
    contains,
    mirrored,
    path,
    within,
)


@dataclass(frozen=True)
class Cell:
    """A region's piece of a view."""

    region: str
    polygon: Polygon

    @property
    def d(self) -> str:
        """The shape, for SVG."""
        return path(self.polygon)


@dataclass(frozen=True, eq=False)
class View:
    """One side of a part of the body, `width` × `height` units, patient's sides at its edges.

    `outline` is what belongs to the body, `cells` its regions in painting order, `strokes` paths
    that are drawn for the eye alone, in a looking glass if `flipped`. `sides` are the patient's
    sides at the left and right edge; None where the whole view is of one side.
    """

    key: str
    label: StrPromise
    group: str
    width: float
    height: float
    outline: Polygon
    cells: Sequence[Cell]
    strokes: Sequence[str] = ()
    sides: tuple[str, str] | None = ("right", "left")
    flipped: bool = False
    regions: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(dict.fromkeys(c.region for c in self.cells)))

    @property
    def d(self) -> str:
        """The outline, for SVG."""
        return path(self.outline)

    def region_at(self, x: float, y: float) -> str | None:
        """The region at a point given as fractions of the view; None beside the body."""
        point = x * self.width, y * self.height
        if not contains(self.outline, point):
            return None
        return next(
            (cell.region for cell in reversed(self.cells) if contains(cell.polygon, point)), None
        )

    @cache  # noqa: B019 - views live as long as the process
    def centre(self, region: str) -> Point:
        """A visible point well inside of a region, as fractions of the view.

        Of a grid over the region's largest cell, the point farthest from what is not in it.
        """
        cell = max((c for c in self.cells if c.region == region), key=lambda c: _area(c.polygon))
        points = _grid(cell.polygon)
        body = within(self.outline, points)
        inside = body
        for each in self.cells:
            if _meets(each, cell):
                held = within(each.polygon, points)
                inside = inside & ~held if each.region != region else inside | held
        inside = inside & body
        if not inside.any():
            raise ValueError(f"The region {region} cannot be seen in the view {self.key}.")
        apart = np.linalg.norm(points[inside][:, None] - points[~inside][None], axis=2).min(axis=1)
        x, y = points[inside][apart.argmax()]
        return round(float(x) / self.width, 4), round(float(y) / self.height, 4)


def _area(polygon: Polygon) -> float:
    left, top, right, bottom = box(polygon)
    return (right - left) * (bottom - top)


def _meets(one: Cell, other: Cell) -> bool:
    left, top, right, bottom = box(one.polygon)
    other_left, other_top, other_right, other_bottom = box(other.polygon)
    return (
        left <= other_right and other_left <= right and top <= other_bottom and other_top <= bottom
    )


def _grid(polygon: Polygon, pieces: int = 12) -> FloatArray:
    """Points over a polygon and a little beyond it, so that some lie outside."""
    left, top, right, bottom = box(polygon)
    xs = np.linspace(left - 0.5, right + 0.5, pieces)
    ys = np.linspace(top - 0.5, bottom + 0.5, pieces)
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def both(name: str, width: float, left_edge: str, *points: Point) -> list[Cell]:
    """A cell and its mirror image; the one given is at the view's left edge, whose side is named.

    `left_edge` is the patient's side there: "right" where they face us.
    """
    other = "left" if left_edge == "right" else "right"
    return [
        Cell(f"{name}_{left_edge}", tuple(points)),
        Cell(f"{name}_{other}", mirrored(points, width)),
    ]


def circle(x: float, y: float, rx: float, ry: float | None = None) -> Polygon:
    """An ellipse, as a polygon of 24 corners."""
    height = rx if ry is None else ry
    angles = (2 * pi * index / 24 for index in range(24))
    return tuple((round(x + rx * cos(a), 1), round(y + height * sin(a), 1)) for a in angles)


def band(top: float, bottom: float, left: float, right: float) -> Polygon:
    """A rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom)
