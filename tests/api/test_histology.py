"""A lesion's histology over REST."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from reports.models import Histology
from tests import factories
from tests.api.calling import V1, actions, count, errors, problem
from tests.reports import scenes


@pytest.fixture
def lesion(doctor: Any) -> Any:
    return factories.lesion(doctor, factories.patient(doctor))


def url(lesion: Any) -> str:
    return f"{V1}/lesions/{lesion.pk}/histology/"


def body(**changes: Any) -> dict[str, Any]:
    return {"diagnosis": scenes.MELANOMA, "reported_on": str(timezone.localdate())} | changes


def test_record_and_read(as_doctor: APIClient, doctor: Any, lesion: Any) -> None:
    answer = as_doctor.post(url(lesion), body())
    assert answer.status_code == 201
    made = answer.json()
    assert (made["version"], made["diagnosis"], made["lesion"]) == (
        1, scenes.MELANOMA, str(lesion.pk),
    )  # fmt: skip
    corrected = as_doctor.post(url(lesion), body(diagnosis=scenes.NEVUS, reason="Again.")).json()
    assert as_doctor.get(url(lesion)).json() == {"results": [corrected, made]}
    said = actions(doctor)
    assert (said.count("histology.recorded"), said.count("histology.viewed")) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"diagnosis": ""}, "diagnosis"),
        ({"diagnosis": "1"}, "diagnosis"),
        ({"reported_on": "2999-01-01"}, "reported_on"),
        ({"reported_on": None}, "reported_on"),
        ({"patient": "x"}, "patient"),
    ],
)
def test_what_cannot_be(
    as_doctor: APIClient, doctor: Any, lesion: Any, changes: Any, field: str
) -> None:
    assert field in errors(as_doctor.post(url(lesion), body(**changes)))
    assert count(doctor, Histology) == 0


def test_outsiders(
    as_technician: APIClient, as_stranger: APIClient, as_administrator: APIClient,
    doctor: Any, lesion: Any,
) -> None:  # fmt: skip
    problem(as_technician.post(url(lesion), body()), 403)
    problem(as_administrator.get(url(lesion)), 403)
    problem(as_stranger.post(url(lesion), body()), 404)
    problem(as_stranger.get(url(lesion)), 404)
    assert as_technician.get(url(lesion)).json() == {"results": []}
    assert count(doctor, Histology) == 0
