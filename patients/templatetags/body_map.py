"""The body map in templates: its figures, their markers, and a legend."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django_stubs_ext import StrPromise

from patients.body_map import GROUPS, REGIONS, VIEWS, View
from patients.body_map.markers import Marker, State, by_view
from patients.models import Lesion

register = template.Library()


@dataclass(frozen=True)
class Figure:
    """A view and the markers on it."""

    view: View
    markers: list[Marker]


@dataclass(frozen=True)
class Group:
    """Views that are shown together."""

    key: str
    label: StrPromise
    figures: list[Figure]

    @property
    def count(self) -> int:
        return sum(len(each.markers) for each in self.figures)


@register.simple_tag
def body_map_groups(markers: Iterable[Marker]) -> list[Group]:
    """Every group with its views, and the markers where they belong."""
    placed = by_view(markers)
    return [
        Group(
            key,
            label,
            [Figure(v, placed.get(v.key, [])) for v in VIEWS.values() if v.group == key],
        )
        for key, label in GROUPS.items()
    ]


@register.simple_tag
def body_map_figure(lesion: Lesion, state: str) -> Figure | None:
    """The one view that a lesion lies on, with its marker; None if it is not on the map."""
    if lesion.place is None:
        return None
    view = VIEWS[lesion.place.view]
    point = lesion.place.x * view.width, lesion.place.y * view.height
    own = Marker(lesion.number, State(state), lesion.site, "", view.key, point, *point)
    return Figure(view, [own])


@register.simple_tag
def body_map_drawing(view: View) -> SafeString:
    """The drawing of a view: always the same in a language, so it is made once."""
    return _drawing(view.key, get_language() or "")


@cache
def _drawing(key: str, language: str) -> SafeString:
    view = VIEWS[key]
    cells = [(cell.d, REGIONS[cell.region]) for cell in view.cells]
    context = {"view": view, "cells": cells, "half": view.width / 2}
    return render_to_string("patients/_body_map_drawing.html", context)


@register.simple_tag
def body_map_legend(markers: Iterable[Marker]) -> list[tuple[State, int]]:
    """The states that occur, with how many markers have them."""
    states = [each.state for each in markers]
    return [(state, states.count(state)) for state in State if state in states]
