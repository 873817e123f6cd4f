"""The body map: its regions and codes, where points lie, and markers that are fanned out."""

import re
from itertools import combinations
from math import hypot

import pytest
from pydicom.sr._concepts_dict import concepts

from dermaclinic.errors import Invalid
from patients.body_map import GROUPS, REGIONS, VIEWS
from patients.body_map.geometry import contains, path
from patients.body_map.markers import APART, RADIUS, Marker, State, by_view, marker
from patients.body_map.places import Place
from patients.body_sites import BODY_SITES

# Skin structures of HL7's woundAnatomicLocationVS; all others are of DICOM's CID 4029.
OF_HL7 = {
    "76552005": "Skin structure of shoulder",
    "45980000": "Skin structure of scapular region of back",
}


def dermatology_sites() -> dict[str, str]:
    """CID 4029 as pydicom has it: SNOMED CT codes and their meanings."""
    return {
        code: meaning
        for entries in concepts["SCT"].values()
        for code, (meaning, contexts) in entries.items()
        if 4029 in contexts
    }


def test_every_code_and_meaning_is_of_a_standard() -> None:
    known = dermatology_sites() | OF_HL7
    assert {each.code: each.meaning for each in REGIONS.values()}.items() <= known.items()


def test_a_region_has_a_body_site_and_the_side_that_it_needs() -> None:
    for region in REGIONS.values():
        site = BODY_SITES[region.site]
        assert not site.paired or region.laterality in ("left", "right"), region.key
        assert region.laterality in ("left", "right", "midline")
        if region.laterality != "midline":
            assert region.key.endswith(f"_{region.laterality}")


def test_every_region_is_drawn_and_every_drawing_is_of_a_region() -> None:
    drawn = {cell.region for view in VIEWS.values() for cell in view.cells}
    assert drawn == set(REGIONS)
    assert {view.group for view in VIEWS.values()} == set(GROUPS)


@pytest.mark.parametrize("key", VIEWS)
def test_every_point_of_a_figure_lies_in_a_region(key: str) -> None:
    view = VIEWS[key]
    on_body = 0
    for column in range(60):
        for row in range(90):
            x, y = (column + 0.5) / 60, (row + 0.5) / 90
            if contains(view.outline, (x * view.width, y * view.height)):
                on_body += 1
                assert view.region_at(x, y) in REGIONS, (x, y)
            else:
                assert view.region_at(x, y) is None
    assert on_body > 500


@pytest.mark.parametrize("key", VIEWS)
def test_every_region_of_a_view_has_a_place_on_the_right_side(key: str) -> None:
    view = VIEWS[key]
    for name in view.regions:
        place = Place.of_region(key, name)
        assert Place.at(key, place.x, place.y) == place
        side = place.where.laterality
        if view.sides is None:
            assert side == "midline" or key.endswith(side), name
        elif side != "midline":
            assert view.sides[place.x > 0.5] == side, name
        else:
            assert abs(place.x - 0.5) < 0.15, name


@pytest.mark.parametrize(
    ("view", "x", "y", "region"),
    [
        ("nowhere", 0.5, 0.5, ""),
        ("front", 0.02, 0.02, ""),
        ("front", 1.2, 0.5, ""),
        ("front", -0.1, 0.5, ""),
        ("front", float("nan"), 0.5, ""),
        ("front", 0.62, 0.26, "chest_right"),
        ("front", 0.62, 0.26, "no_such_region"),
    ],
)
def test_what_is_no_place(view: str, x: float, y: float, region: str) -> None:
    with pytest.raises(Invalid) as refused:
        Place.at(view, x, y, region)
    assert "place" in refused.value.errors


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place.at("front", 0.62001, 0.26, "chest_left")
    assert (place.x, place.words) == (0.62, "Chest, left")
    assert Place.parse(str(place)) == place
    assert Place.parse("") is None
    for text in ("front", "front:chest_left:a:b", "front:chest_right:0.62:0.26", ":::"):
        with pytest.raises(Invalid):
            Place.parse(text)
    with pytest.raises(Invalid):
        Place.of_region("front", "buttock_left")


def crowd(*places: Place) -> list[Marker]:
    return [
        marker(number=number, place=place, state=State.FOLLOWED, name="", href="")
        for number, place in enumerate(places, 1)
    ]


def apart(markers: list[Marker]) -> float:
    return min(hypot(a.x - b.x, a.y - b.y) for a, b in combinations(markers, 2))


@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_markers_on_one_point_are_fanned_out(count: int) -> None:
    place = Place.of_region("back", "mid_back_left")
    [(view, found)] = by_view(crowd(*[place] * count)).items()
    assert view == "back"
    assert apart(found) >= 0.98 * APART, "not all of them can be hit by a finger"
    assert sum(each.away for each in found) >= count - 1
    assert {each.point for each in found} == {(place.x * 200, place.y * 440)}
    assert [each.number for each in found] == list(range(1, count + 1))
    again = by_view(crowd(*[place] * count))["back"]
    assert [(each.x, each.y) for each in again] == [(each.x, each.y) for each in found]


def test_markers_with_room_stay_where_they_are() -> None:
    keys = ("chest_left", "navel", "knee_right")
    found = by_view(crowd(*(Place.of_region("front", key) for key in keys)))["front"]
    assert not any(each.away for each in found)


def test_markers_at_an_edge_stay_in_the_view() -> None:
    place = Place.of_region("hand_back_left", "little_nail_left")
    for each in by_view(crowd(*[place] * 6))["hand_back_left"]:
        assert RADIUS <= each.x <= 200 - RADIUS
        assert RADIUS <= each.y <= 300 - RADIUS


def test_states_are_told_apart_by_shape_and_by_word() -> None:
    assert len({each.shape for each in State}) == len(State)
    assert len({str(each.words) for each in State}) == len(State)


def test_drawings_are_small() -> None:
    for view in VIEWS.values():
        for d in (view.d, *(cell.d for cell in view.cells)):
            assert re.fullmatch(r"m[-. \d]+z", d)
    assert sum(len(cell.d) for view in VIEWS.values() for cell in view.cells) < 40_000


def test_a_path_is_the_polygon_in_steps() -> None:
    corners = ((10.0, 0.5), (10.2, 0.5), (9.0, -3.0), (9.0, 0.0))
    assert path(corners) == "m10 .5 .2 0-1.2-3.5 0 3z"
