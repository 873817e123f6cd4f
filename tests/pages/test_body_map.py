"""The body map on a patient's page: markers, their list, and placing a lesion without scripts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic.audit.models import Event
from patients.body_map.places import Place
from patients.models import Lesion
from reports.services.histology import record_histology
from tests import factories
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]

CHEST = Place.of_region("front", "chest_left")
BLADE = Place.of_region("back", "shoulder_blade_right")


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


def record(client: Client, patient: Any) -> Any:
    return client.get(reverse("patients:detail", args=[patient.pk]))


def states(response: Any) -> list[str]:
    return [str(standing.state) for _lesion, standing in response.context["overview"].lesions]


def add(client: Client, patient: Any, **data: Any) -> Any:
    return client.post(reverse("patients:add-lesion", args=[patient.pk]), data)


def test_a_region_from_the_list_is_a_place(at_desk: Client, patient: Any, rows: Rows) -> None:
    add(at_desk, patient, spot="front:chest_left", note="by the list")
    [lesion] = rows(Lesion)
    assert (lesion.place, lesion.body_site, lesion.laterality) == (CHEST, "chest", "left")
    said = record(at_desk, patient).content.decode()
    assert 'aria-label="Lesion 1, Chest, left: no image yet"' in said
    assert said.count('class="map__marker map__marker--new"') == 1


def test_the_exact_point_is_kept(at_desk: Client, patient: Any, rows: Rows) -> None:
    add(at_desk, patient, spot="front:chest_left", point="front:chest_left:0.6201:0.26")
    [lesion] = rows(Lesion)
    assert (lesion.place_x, lesion.place_y) == (0.6201, 0.26)


def test_the_point_of_another_spot_is_an_old_one(at_desk: Client, patient: Any, rows: Rows) -> None:
    add(at_desk, patient, spot="front:navel", point="front:chest_left:0.62:0.26")
    [lesion] = rows(Lesion)
    assert lesion.place == Place.of_region("front", "navel")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"spot": "front:chest_left", "point": "front:chest_left:0.38:0.26"}, "spot"),
        ({"spot": "front:chest_left", "point": "front:chest_left:0.01:0.01"}, "spot"),
        ({"spot": "front:chest_left", "point": "front:chest_left:x:y"}, "spot"),
        ({"spot": "front:buttock_left"}, "spot"),
        ({"spot": "front:chest_left", "body_site": "back"}, "body_site"),
        ({"note": "nowhere"}, "body_site"),
    ],
)
def test_what_is_no_place_is_refused_beside_its_field(
    at_desk: Client, patient: Any, rows: Rows, data: dict[str, str], field: str
) -> None:
    response = add(at_desk, patient, **data)
    assert response.status_code == 400
    assert list(response.context["lesion_form"].errors) == [field]
    assert f'id="id_{field}-error"' in response.content.decode()
    assert not rows(Lesion)
    assert not rows(Event, action="lesion.placed")


def test_a_move_offers_its_undo_once(
    at_desk: Client, technician: Any, patient: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient, body_site="", place=CHEST)
    address = reverse("patients:change-lesion", args=[patient.pk, lesion.pk])
    form = at_desk.get(address).content.decode()
    assert '<option value="front:chest_left" selected>' in form
    assert f'value="{CHEST}"' in form
    moved = at_desk.post(
        address,
        {"spot": BLADE.spot, "point": str(CHEST), "body_site": "chest", "laterality": "left"},
        follow=True,
    )
    assert "Lesion 1 was moved: Shoulder blade, right." in moved.content.decode()
    assert [each.place for each in rows(Lesion)] == [BLADE]
    assert "was moved" not in record(at_desk, patient).content.decode()

    undone = at_desk.post(
        reverse("patients:place-lesion", args=[patient.pk, lesion.pk]),
        {"point": str(CHEST), "seen": str(BLADE), "undo": "1"},
        follow=True,
    )
    assert "The lesion is back where it was." in undone.content.decode()
    assert "Undo" not in undone.content.decode()
    assert [each.place for each in rows(Lesion)] == [CHEST]
    assert len(rows(Event, action="lesion.placed")) == 3


def test_an_undo_leads_back_to_pages_of_ours_only(
    at_desk: Client, technician: Any, patient: Any
) -> None:
    lesion = factories.lesion(technician, patient, body_site="", place=CHEST)
    address = reverse("patients:place-lesion", args=[patient.pk, lesion.pk])
    seen = {"point": "", "seen": str(CHEST)}
    away = at_desk.post(address, seen | {"next": "https://elsewhere.example/"})
    assert away.url == reverse("patients:detail", args=[patient.pk])
    own = reverse("reports:lesion", args=[lesion.pk])
    back = at_desk.post(address, {"point": str(CHEST), "seen": "", "next": own})
    assert back.url == own


def test_a_move_that_was_overtaken_is_refused(
    at_desk: Client, technician: Any, patient: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient, body_site="", place=CHEST)
    address = reverse("patients:place-lesion", args=[patient.pk, lesion.pk])
    assert at_desk.post(address, {"point": str(BLADE), "seen": ""}).status_code == 409
    assert at_desk.post(address, {"point": "moon", "seen": str(CHEST)}).status_code == 400
    assert [each.place for each in rows(Lesion)] == [CHEST]


def test_another_clinic_moves_nothing(
    strangers: Client, technician: Any, patient: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient, body_site="", place=CHEST)
    address = reverse("patients:place-lesion", args=[patient.pk, lesion.pk])
    sent = {"point": str(BLADE), "seen": str(CHEST)}
    assert strangers.post(address, sent).status_code == 404
    assert [each.place for each in rows(Lesion)] == [CHEST]


def test_old_lesions_are_listed_as_not_on_the_map(
    at_desk: Client, technician: Any, patient: Any
) -> None:
    factories.lesion(technician, patient, body_site="", place=CHEST)
    factories.lesion(technician, patient, body_site="foot", laterality="left")
    response = record(at_desk, patient)
    assert [each.number for each in response.context["overview"].unplaced] == [2]
    said = response.content.decode()
    assert "not yet on the map" in said
    assert "Lesion 2: Foot, left" in said


def test_every_state_of_a_lesion(doctors: Client, doctor: Any) -> None:
    patient = factories.patient(doctor)
    today = timezone.localdate()
    earlier = factories.study(doctor, patient, acquired_at=timezone.now() - timedelta(days=400))
    study = factories.study(doctor, patient)
    made = [factories.lesion(doctor, patient, body_site="", place=CHEST) for _ in range(9)]
    for index, lesion in enumerate(made[1:], 1):
        urgent = "urgent" if index == 1 else "routine"
        scenes.finish(doctor, scenes.image(doctor, study, lesion), triage=urgent)
    for lesion, answer in zip(
        made[3:],
        [
            {"management": "monitor", "due": today + timedelta(days=60)},
            {"management": "excise"},
            {"management": "excise"},
            {"management": "discharge"},
            {"management": "retake"},
        ],
        strict=False,
    ):
        scenes.assess(doctor, study, lesion, reason="by daylight", **answer)
    record_histology(
        actor=doctor, lesion_id=made[5].pk, diagnosis=scenes.MELANOMA, reported_on=today
    )
    # An earlier visit's assessment does not count where a later one is there.
    scenes.finish(doctor, scenes.image(doctor, earlier, made[6]))
    scenes.assess(doctor, earlier, made[6], reason="by daylight", management="excise")
    response = record(doctors, patient)
    assert states(response) == [
        "new", "urgent", "waiting", "followed", "treat", "histology", "discharged", "retake",
        "waiting",
    ]  # fmt: skip
    due = [standing.due for _lesion, standing in response.context["overview"].lesions]
    assert due[3] == today + timedelta(days=60)
    assert due.count(None) == 8


def test_a_follow_up_that_has_passed_is_overdue(
    doctors: Client, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image)
    tomorrow = timezone.localdate() + timedelta(days=1)
    scenes.assess(doctor, study, lesion, reason="x", management="monitor", due=tomorrow)
    assert states(record(doctors, study.patient)) == ["followed"]
    later = tomorrow + timedelta(days=1)
    monkeypatch.setattr("reports.selectors.timeline.timezone.localdate", lambda *_given: later)
    assert states(record(doctors, study.patient)) == ["overdue"]


def test_the_number_of_queries_does_not_grow(doctors: Client, doctor: Any) -> None:
    patient = factories.patient(doctor)
    study = factories.study(doctor, patient)

    def more(count: int) -> None:
        for index in range(count):
            lesion = factories.lesion(doctor, patient, body_site="", place=CHEST)
            scenes.finish(doctor, scenes.image(doctor, study, lesion))
            if index % 2:
                scenes.assess(doctor, study, lesion, reason="by daylight")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            address = reverse("patients:detail", args=[patient.pk])
            assert doctors.get(address, headers=UNATTENDED).status_code == 200
        return len(captured)

    more(2)
    few = queries()
    more(4)
    assert queries() == few
