"""Numbered markers on the body map: their state, as a word and a shape, and where they are drawn.

Markers that would cover each other are fanned out; a line leads from each to its exact point.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from patients.body_map import VIEWS, View
from patients.body_map.places import Place

RADIUS = 9.6  # units of a view, what a finger hits: 24 pixels wide on a screen of 320
APART = 2 * RADIUS + 0.2
ROUNDS = 60


class State(StrEnum):
    """What a lesion needs; the upper floors know, and say."""

    NEW = "new"
    WAITING = "waiting"
    URGENT = "urgent"
    RETAKE = "retake"
    OVERDUE = "overdue"
    FOLLOWED = "followed"
    TREAT = "treat"
    HISTOLOGY = "histology"
    DISCHARGED = "discharged"

    @property
    def words(self) -> StrPromise:
        return _WORDS[self]

    @property
    def shape(self) -> str:
        """An SVG path around 0, 0."""
        return _SHAPES[self]


_WORDS: dict[State, StrPromise] = {
    State.NEW: _("no image yet"),
    State.WAITING: _("waits for a doctor"),
    State.URGENT: _("waits for a doctor, urgent"),
    State.RETAKE: _("to be photographed again"),
    State.OVERDUE: _("follow-up overdue"),
    State.FOLLOWED: _("followed"),
    State.TREAT: _("to be biopsied, excised or referred"),
    State.HISTOLOGY: _("histology on record"),
    State.DISCHARGED: _("discharged"),
}
_CIRCLE = "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0Z"
_SHAPES: dict[State, str] = {
    State.NEW: "M-4.5-9H4.5V-4.5H9V4.5H4.5V9H-4.5V4.5H-9V-4.5H-4.5Z",
    State.WAITING: "M0-9.5L9.5 0L0 9.5L-9.5 0Z",
    State.URGENT: "M-3.6-8.6H3.6L8.6-3.6V3.6L3.6 8.6H-3.6L-8.6 3.6V-3.6Z",
    State.RETAKE: "M-9-6.5H-4.5L-2.5-8.5H2.5L4.5-6.5H9V7.5H-9Z",
    State.OVERDUE: "M0-10.5L10 7.5H-10Z",
    State.FOLLOWED: _CIRCLE,
    State.TREAT: "M-7.5-7.5H7.5V7.5H-7.5Z",
    State.HISTOLOGY: "M0-9.2L8.8-2.8L5.4 7.6H-5.4L-8.8-2.8Z",
    State.DISCHARGED: "M-5-6H5a6 6 0 0 1 0 12H-5a6 6 0 0 1 0-12Z",
}


@dataclass
class Marker:
    """A lesion on a view: `x`, `y` is where it is drawn, `point` where it is; in units."""

    number: int
    state: State
    name: str
    href: str
    view: str
    point: tuple[float, float]
    x: float = 0
    y: float = 0

    @property
    def away(self) -> bool:
        """Drawn beside its point: a line leads there."""
        return hypot(self.x - self.point[0], self.y - self.point[1]) > 1


def marker(*, number: int, place: Place, state: State, name: str, href: str) -> Marker:
    """A marker at its own point. `name` is what a screen reader says of the link."""
    view = VIEWS[place.view]
    point = place.x * view.width, place.y * view.height
    return Marker(number, state, name, href, place.view, point, *point)


def by_view(markers: Iterable[Marker]) -> dict[str, list[Marker]]:
    """Markers of each view, fanned out, in the order of their numbers."""
    views: dict[str, list[Marker]] = {}
    for each in sorted(markers, key=lambda marker: marker.number):
        views.setdefault(each.view, []).append(each)
    for key, found in views.items():
        fan_out(found, VIEWS[key])
    return views


def fan_out(markers: Sequence[Marker], view: View) -> None:
    """Push markers apart until none covers another, or there is no room left.

    Of two in the way of each other both give half; the same markers always lie the same.
    """
    for each in markers:
        each.x, each.y = _inside(each.point[0], each.point[1], view)
    for _round in range(ROUNDS):
        if not _push(markers, view):
            return


def _push(markers: Sequence[Marker], view: View) -> bool:
    moved = False
    cells: dict[tuple[int, int], list[int]] = {}
    for index, each in enumerate(markers):
        cells.setdefault((int(each.x // APART), int(each.y // APART)), []).append(index)
    for (column, row), own in list(cells.items()):
        near = [
            index
            for across in (-1, 0, 1)
            for down in (-1, 0, 1)
            for index in cells.get((column + across, row + down), ())
        ]
        for first in own:
            for second in near:
                if first < second and _part(markers[first], markers[second], first, view):
                    moved = True
    return moved


def _part(one: Marker, other: Marker, turn: int, view: View) -> bool:
    dx, dy = other.x - one.x, other.y - one.y
    apart = hypot(dx, dy)
    if apart >= APART - 0.01:
        return False
    if apart < 0.01:  # the very same point: apart to the sides, each pair a little differently
        dx, dy, apart = 1.0, 0.3 * (turn % 3 - 1), 1.0
        step = APART / 2
    else:
        step = (APART - apart) / 2
    across, down = dx / hypot(dx, dy) * step, dy / hypot(dx, dy) * step
    one.x, one.y = _inside(one.x - across, one.y - down, view)
    other.x, other.y = _inside(other.x + across, other.y + down, view)
    return True


def _inside(x: float, y: float, view: View) -> tuple[float, float]:
    edge = RADIUS + 1
    return (
        round(min(max(x, edge), view.width - edge), 2),
        round(min(max(y, edge), view.height - edge), 2),
    )
