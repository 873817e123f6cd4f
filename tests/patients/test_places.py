"""Lesions on the body map: placed, moved, moved back; and that a refusal leaves nothing behind."""

from typing import Any

import pytest
from django.db import IntegrityError

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from patients import services
from patients.body_map.places import Place
from patients.models import Lesion
from tests import factories

CHEST = Place.of_region("front", "chest_left")
BLADE = Place.of_region("back", "shoulder_blade_right")


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.fixture
def lesion(technician: Any, patient: Any) -> Lesion:
    made: Lesion = factories.lesion(technician, patient, body_site="", place=CHEST)
    return made


def stored(actor: Any) -> Lesion:
    with clinic_context(actor.clinic_id):
        return Lesion.objects.get()


def moves(actor: Any) -> list[Any]:
    with clinic_context(actor.clinic_id):
        events = Event.objects.filter(action="lesion.placed").order_by("id")
        return [(each.detail["before"], each.detail["after"]) for each in events]


def test_a_place_says_site_and_side(technician: Any, lesion: Lesion) -> None:
    found = stored(technician)
    assert found.place == CHEST
    assert (found.body_site, found.laterality, found.region) == ("chest", "left", "chest_left")
    assert (found.site, found.site_code) == ("Chest, left", "244106003")
    assert moves(technician) == [(None, CHEST.columns)]


def test_a_lesion_without_a_place_is_what_it_was(technician: Any, patient: Any) -> None:
    made = factories.lesion(technician, patient, body_site="foot", laterality="left")
    assert made.place is None
    assert (made.site, made.site_code) == ("Foot, left", "60496002")
    assert moves(technician) == []


@pytest.mark.parametrize(
    ("said", "field"),
    [({"body_site": "back"}, "body_site"), ({"laterality": "right"}, "laterality")],
)
def test_site_and_side_may_not_contradict_the_place(
    technician: Any, patient: Any, said: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        factories.lesion(technician, patient, **{"body_site": ""} | said, place=CHEST)
    assert list(refused.value.errors) == [field]
    with clinic_context(technician.clinic_id):
        assert not Lesion.objects.exists()
        assert not Event.objects.filter(action__startswith="lesion.").exists()


def test_neither_site_nor_place_is_refused(technician: Any, patient: Any) -> None:
    with pytest.raises(Invalid) as refused:
        factories.lesion(technician, patient, body_site="")
    assert "body_site" in refused.value.errors


def test_a_marker_is_moved_and_moved_back(technician: Any, lesion: Lesion) -> None:
    moved = services.place_lesion(actor=technician, lesion_id=lesion.pk, place=BLADE, seen=CHEST)
    assert (moved.former, moved.moved) == (CHEST, True)
    assert (stored(technician).body_site, stored(technician).laterality) == ("back", "right")
    services.place_lesion(actor=technician, lesion_id=lesion.pk, place=moved.former, seen=BLADE)
    assert stored(technician).place == CHEST
    assert stored(technician).body_site == "chest"
    assert moves(technician)[1:] == [
        (CHEST.columns, BLADE.columns),
        (BLADE.columns, CHEST.columns),
    ]


def test_off_the_map_site_and_side_stay(technician: Any, lesion: Lesion) -> None:
    services.place_lesion(actor=technician, lesion_id=lesion.pk, place=None, seen=CHEST)
    found = stored(technician)
    assert (found.place, found.body_site, found.laterality) == (None, "chest", "left")
    assert found.site == "Chest, left"


def test_the_same_place_again_is_no_move(technician: Any, lesion: Lesion) -> None:
    again = services.place_lesion(actor=technician, lesion_id=lesion.pk, place=CHEST, seen=CHEST)
    assert not again.moved
    assert len(moves(technician)) == 1


def test_who_saw_it_elsewhere_moves_nothing(technician: Any, lesion: Lesion) -> None:
    with pytest.raises(Conflict):
        services.place_lesion(actor=technician, lesion_id=lesion.pk, place=BLADE, seen=None)
    assert stored(technician).place == CHEST
    assert len(moves(technician)) == 1


def test_outsiders_move_nothing(
    technician: Any, stranger: Any, administrator: Any, lesion: Lesion
) -> None:
    for actor, refusal in ((stranger, NotFound), (administrator, Forbidden)):
        with pytest.raises(refusal):
            services.place_lesion(actor=actor, lesion_id=lesion.pk, place=BLADE, seen=CHEST)
    assert stored(technician).place == CHEST
    assert len(moves(technician)) == 1


def test_a_correction_with_a_new_place_follows_the_place(technician: Any, lesion: Lesion) -> None:
    changed = services.change_lesion(
        actor=technician, lesion_id=lesion.pk, body_site="chest", laterality="left", note="new",
        place=BLADE,
    )  # fmt: skip
    assert changed.moved
    found = stored(technician)
    assert (found.body_site, found.laterality, found.note) == ("back", "right", "new")
    assert found.place == BLADE


def test_a_site_that_contradicts_takes_the_lesion_off_the_map(
    technician: Any, lesion: Lesion
) -> None:
    services.change_lesion(actor=technician, lesion_id=lesion.pk, body_site="abdomen")
    found = stored(technician)
    assert (found.place, found.body_site, found.laterality) == (None, "abdomen", "left")
    assert moves(technician)[-1] == (CHEST.columns, None)


def test_a_note_leaves_the_place_alone(technician: Any, lesion: Lesion) -> None:
    services.change_lesion(actor=technician, lesion_id=lesion.pk, note="itches")
    assert stored(technician).place == CHEST
    assert len(moves(technician)) == 1


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"place_view": "front"}, "lesion_place_is_whole"),
        ({"region": "chest_left"}, "lesion_place_is_whole"),
        ({"place_view": "front", "place_x": 0.5, "region": "navel"}, "lesion_place_is_whole"),
        (BLADE.columns | {"place_x": 1.01}, "lesion_place_lies_in_its_view"),
        (BLADE.columns | {"place_y": -0.01}, "lesion_place_lies_in_its_view"),
        (BLADE.columns | {"place_view": "inside"}, "lesion_view_is_known"),
    ],
)
def test_the_database_keeps_places_whole(
    technician: Any, patient: Any, columns: dict[str, Any], constraint: str
) -> None:
    made = factories.lesion(technician, patient)
    with (
        pytest.raises(IntegrityError, match=constraint),
        clinic_context(technician.clinic_id),
    ):
        Lesion.objects.filter(pk=made.pk).update(**columns)
    assert stored(technician).place is None
