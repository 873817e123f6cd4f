"""How a lesion's size changed over its visits, where its images' scale is known.

A size is that of the outline which software drew (inference/network/shape.py), in millimetres by
the scale that the image's file states. Nothing is concluded from one size, and no yearly rate is
given for less than MIN_DAYS: framing, pressure and stretch of the skin move an outline, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

YEAR = 365.25  # days
MIN_DAYS = 90


@dataclass(frozen=True)
class Size:
    """One image's outline: greatest diameter in mm, area in mm², and which model drew it."""

    diameter: float
    area: float
    model: str


@dataclass(frozen=True)
class Measured:
    """A visit: the median over its `images` measured images."""

    day: date
    diameter: float
    area: float
    images: int


@dataclass(frozen=True)
class Growth:
    """`points` oldest first, at least two. Rates are None for visits too close to each other.

    `models`: the outlines were drawn by so many versions of the software.
    """

    points: list[Measured]
    diameter_per_year: float | None
    area_per_year: float | None
    days: int
    models: int

    @property
    def first(self) -> Measured:
        return self.points[0]

    @property
    def last(self) -> Measured:
        return self.points[-1]

    @property
    def months(self) -> int:
        return round(self.days / YEAR * 12)


NO_IMAGES: StrPromise = _("There is no image of this lesion yet, so no size is known.")
NO_SCALE: StrPromise = _(
    "No growth is shown: the scale of these images is not known, or the lesion was not outlined "
    "whole. Images from a dermoscope that writes its scale into the file (DICOM) can be measured."
)
ONE_VISIT: StrPromise = _(
    "No growth is shown yet: the size is known at one visit, and two are needed."
)
VEILED: StrPromise = _(
    "No growth is shown yet: sizes come with the opinion, which opens after your own diagnosis."
)


def growth(visits: Sequence[tuple[date, Sequence[Size]]]) -> Growth | None:
    """Of visits with their measured images; None unless the size is known on two days.

    Rates are the slope of the least-squares line through the visits' medians.
    """
    by_day: dict[date, list[Size]] = {}
    for day, sizes in visits:
        by_day.setdefault(day, []).extend(sizes)
    points = [
        Measured(
            day,
            median(each.diameter for each in sizes),
            median(each.area for each in sizes),
            len(sizes),
        )
        for day, sizes in sorted(by_day.items())
        if sizes
    ]
    if len(points) < 2:
        return None
    days = (points[-1].day - points[0].day).days
    long = days >= MIN_DAYS
    years = [(each.day - points[0].day).days / YEAR for each in points]
    return Growth(
        points=points,
        diameter_per_year=_slope(years, [each.diameter for each in points]) if long else None,
        area_per_year=_slope(years, [each.area for each in points]) if long else None,
        days=days,
        models=len({each.model for sizes in by_day.values() for each in sizes}),
    )


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


# ---- the plot -------------------------------------------------------------------------------

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 14, 14, 28  # margins
_STEPS = (0.5, 1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Plot:
    """Greatest diameter over time, ready to draw: millimetres from nought, days by their distance.

    `dots` are (x, y, point), `line` the points of a polyline, `ticks` (y, millimetres).
    """

    dots: list[tuple[float, float, Measured]]
    line: str
    ticks: list[tuple[float, float]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM
    labels: int = HEIGHT - 8


def plot(found: Growth) -> Plot:
    """The axis begins at nought, so that a small change does not look like a large one."""
    top = max(each.diameter for each in found.points)
    step = next((each for each in _STEPS if top / each <= 5), 100)
    most = step * (int(top / step) + 1)
    wide, high = WIDTH - LEFT - RIGHT - 24, HEIGHT - TOP - BOTTOM

    def across(day: date) -> float:
        return round(LEFT + 12 + wide * (day - found.first.day).days / found.days, 1)

    def up(millimetres: float) -> float:
        return round(TOP + high * (1 - millimetres / most), 1)

    dots = [(across(each.day), up(each.diameter), each) for each in found.points]
    count = round(most / step)
    return Plot(
        dots=dots,
        line=" ".join(f"{x},{y}" for x, y, _each in dots),
        ticks=[(up(index * step), index * step) for index in range(count + 1)],
    )
