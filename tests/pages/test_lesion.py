"""A lesion's own page: place, timeline, growth; and what a doctor may not see there yet."""

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
from reports.services.histology import record_histology
from reports.services.withdrawal import withdraw_assessment
from tests import factories
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]

CHEST = Place.of_region("front", "chest_left")


@pytest.fixture
def lesion(doctor: Any) -> Any:
    patient = factories.patient(doctor)
    return factories.lesion(doctor, patient, body_site="", place=CHEST)


def url(lesion: Any) -> str:
    return reverse("reports:lesion", args=[lesion.pk])


def visited(
    doctor: Any,
    lesion: Any,
    days: int,
    *,
    millimetres: float | None = None,
    assessed: bool = True,
    **opinion: Any,
) -> Any:
    """A visit so many days ago, with one image and its opinion; the study."""
    at = timezone.now() - timedelta(days=days)
    study = factories.study(doctor, lesion.patient, acquired_at=at)
    image = scenes.image(doctor, study, lesion)
    sized = {"measurements": {"diameter_mm": millimetres, "area_mm2": (millimetres or 0) ** 2}}
    scenes.finish(doctor, image, result=sized if millimetres else None, **opinion)
    if assessed:
        scenes.assess(doctor, study, lesion, reason="by daylight")
    return study


def page(client: Client, lesion: Any) -> str:
    response = client.get(url(lesion))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_an_empty_lesion_says_what_to_do(at_desk: Client, lesion: Any) -> None:
    said = page(at_desk, lesion)
    assert "Lesion 1: Chest, left" in said
    assert "Start a visit, photograph it" in said
    assert "no size is known" in said
    assert 'data-view="front"' in said
    assert "244106003" in said


def test_a_lesion_that_is_not_on_the_map_can_be_put_there(at_desk: Client, doctor: Any) -> None:
    old = factories.lesion(doctor, factories.patient(doctor))
    said = page(at_desk, old)
    assert "not yet on the body map" in said
    assert "Put on the map" in said
    assert '<svg class="map__svg"' not in said


def test_the_timeline_is_newest_first(doctors: Client, doctor: Any, lesion: Any) -> None:
    for days in (400, 10, 200):
        visited(doctor, lesion, days)
    record_histology(
        actor=doctor,
        lesion_id=lesion.pk,
        diagnosis=scenes.MELANOMA,
        reported_on=timezone.localdate() - timedelta(days=100),
    )
    found = doctors.get(url(lesion)).context["found"]
    kinds = ["visit" if entry.visit else "histology" for entry in found.entries]
    assert kinds == ["visit", "histology", "visit", "visit"]
    times = [entry.at for entry in found.entries]
    assert times == sorted(times, reverse=True)
    said = page(doctors, lesion)
    assert said.count("Melanocytic nevus of skin") >= 3
    assert "Malignant melanoma of skin" in said
    assert reverse("reports:compare", args=[lesion.pk]) in said


def test_a_veiled_opinion_is_not_shown(
    doctors: Client, at_desk: Client, doctor: Any, lesion: Any, rows: Rows
) -> None:
    visited(
        doctor, lesion, 400, millimetres=4.0, first={"df": 0.9}, triage="urgent", assessed=False
    )
    study = visited(doctor, lesion, 10, millimetres=6.0, first={"df": 0.9}, assessed=False)
    blind = page(doctors, lesion)
    assert "Dermatofibroma" not in blind
    assert "90" not in blind.partition("Second opinion")[2].partition("</article>")[0]
    assert "Urgent" in blind
    assert "First your own diagnosis" in blind
    assert "6.0 mm" not in blind
    assert "sizes come with the opinion" in blind
    [event] = rows(Event, action="lesion.viewed")
    assert event.detail == {"opinions": []}

    assert "Dermatofibroma" in page(at_desk, lesion), "who judges nothing sees what they always saw"
    scenes.assess(doctor, study, lesion)
    opened = page(doctors, lesion)
    assert opened.count("First your own diagnosis") == 1, "the other visit stays closed"
    assert "Dermatofibroma" in opened
    assert "6.0 mm across" in opened
    newest = rows(Event, action="lesion.viewed")[-1]
    assert len(newest.detail["opinions"]) == 1


def test_an_assessment_that_was_taken_back_stays_readable(
    doctors: Client, doctor: Any, lesion: Any
) -> None:
    study = visited(doctor, lesion, 10, assessed=False)
    made = scenes.assess(doctor, study, lesion, scenes.KERATOSIS, reason="stuck on")
    withdraw_assessment(actor=doctor, assessment_id=made.pk)
    said = page(doctors, lesion)
    assert "Taken back" in said
    assert "None counts at this visit." in said
    assert 'class="withdrawn"' in said
    assert "Seborrheic keratosis" in said
    assert doctors.get(url(lesion)).context["found"].standing.state == "waiting"


def test_growth_is_told_where_the_scale_is_known(doctors: Client, doctor: Any, lesion: Any) -> None:
    visited(doctor, lesion, 741, millimetres=4.0)
    assert "two are needed" in page(doctors, lesion)
    visited(doctor, lesion, 10, millimetres=6.0)
    said = page(doctors, lesion)
    assert "That is about 1.0 mm, and 10.0 mm² of area, a year." in said
    assert "look at the images before you conclude anything" in said
    assert said.count('class="growth__dot"') == 2
    assert said.count("<td>36.0 mm²</td>") == 1


def test_without_a_scale_there_is_a_reason(doctors: Client, doctor: Any, lesion: Any) -> None:
    visited(doctor, lesion, 400)
    visited(doctor, lesion, 10)
    said = page(doctors, lesion)
    assert "the scale of these images is not known" in said
    assert "growth__dot" not in said


def test_outsiders_see_nothing(
    strangers: Client, administrators: Client, lesion: Any, rows: Rows
) -> None:
    assert strangers.get(url(lesion)).status_code == 404
    assert administrators.get(url(lesion)).status_code == 403
    assert not rows(Event, action="lesion.viewed")


def test_the_number_of_queries_does_not_grow(doctors: Client, doctor: Any, lesion: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert doctors.get(url(lesion), headers=UNATTENDED).status_code == 200
        return len(captured)

    visited(doctor, lesion, 900, millimetres=4.0)
    visited(doctor, lesion, 800, millimetres=4.0)
    few = queries()
    for days in (700, 600, 500, 400):
        visited(doctor, lesion, days, millimetres=5.0)
    assert queries() == few
