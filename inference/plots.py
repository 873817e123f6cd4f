"""Plots of a model's figures as points of a drawing; the templates draw them as SVG.

Each takes the figures that `evaluate` writes (evaluation/report.py) and answers None when they hold
no such part, or one that cannot be drawn: the page then says "not measured". Imports no Django.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

SIDE = 200.0  # of the square in which shares from 0 to 1 are drawn
MOST_POINTS = 300  # of one curve


@dataclass(frozen=True)
class Bin:
    """Opinions of like confidence: how many, how sure, how often right; and where it is drawn.

    `x`, `y` in the drawing's units from its upper left corner; `radius` grows with the number.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Curve:
    """A class's ROC curve: its path, and its sensitivity at a few specificities for the table."""

    key: str
    path: str
    at: list[tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion: count, share of its row, and shade 0 to 5 for that share."""

    count: float
    share: float | None
    shade: int
    right: bool


@dataclass(frozen=True)
class Row:
    """What was said of the images of one true class, in the order of `keys`."""

    key: str
    total: float
    cells: list[Cell]


def reliability(figures: Mapping[str, Any]) -> list[Bin] | None:
    """The bins that hold an opinion, least sure first (`reliability`)."""
    try:
        rows = [row for row in figures["reliability"] if int(row["n"]) > 0]
        most = max(int(row["n"]) for row in rows)
        return [
            Bin(
                low=_share(row["low"]),
                high=_share(row["high"]),
                n=int(row["n"]),
                confidence=_share(row["confidence"]),
                accuracy=_share(row["accuracy"]),
                x=round(_share(row["confidence"]) * SIDE, 1),
                y=round((1 - _share(row["accuracy"])) * SIDE, 1),
                radius=round(2.5 + 6 * math.sqrt(int(row["n"]) / most), 1),
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        return None


def roc(figures: Mapping[str, Any], keys: Sequence[str]) -> list[Curve] | None:
    """A curve for each of `keys` that has one (`roc`: pairs of false and true positive rate)."""
    try:
        told = {key: points for key, points in figures["roc"].items() if points}
        curves = [
            _curve(key, sorted((_share(x), _share(y)) for x, y in told[key]))
            for key in keys
            if key in told
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return curves or None


def confusion(figures: Mapping[str, Any], keys: Sequence[str]) -> list[Row] | None:
    """Counts by true class (rows) and decision (columns), in the order of `keys`."""
    try:
        table = [[_count(count) for count in row] for row in figures["confusion"]]
    except (KeyError, TypeError, ValueError):
        return None
    if not table or len(table) != len(keys) or any(len(row) != len(keys) for row in table):
        return None
    return [
        _row(key, index, counts)
        for index, (key, counts) in enumerate(zip(keys, table, strict=True))
    ]


def _row(key: str, index: int, counts: list[float]) -> Row:
    total = sum(counts)
    shares = [count / total if total else None for count in counts]
    cells = [
        Cell(count, share, math.ceil((share or 0) * 5), right=column == index)
        for column, (count, share) in enumerate(zip(counts, shares, strict=True))
    ]
    return Row(key, total, cells)


def _curve(key: str, points: list[tuple[float, float]]) -> Curve:
    whole = [(0.0, 0.0), *points, (1.0, 1.0)]
    step = max(1, len(whole) // MOST_POINTS)
    kept = [*whole[::step], whole[-1]]
    path = " ".join(f"{x * SIDE:.1f},{(1 - y) * SIDE:.1f}" for x, y in kept)
    return Curve(key, f"M{path}", [(1 - x, _height(whole, x)) for x in (0.05, 0.1, 0.2, 0.5)])


def _height(points: list[tuple[float, float]], at: float) -> float:
    """The curve's height at a false positive rate, between its points along straight lines."""
    for (left, low), (right, high) in pairwise(points):
        if left <= at < right:
            return low + (high - low) * (at - left) / (right - left)
    return points[-1][1]


def _share(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"{value!r} is no share")
    return number


def _count(value: Any) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{value!r} is no count")
    return number
