"""Starting and reading visits."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from imaging.models import Study
from tests import factories, opinions
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

STUDIES = f"{V1}/studies/"


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_start(role: str, request: Any, technician: Any, patient: Any) -> None:
    client = request.getfixturevalue(role)
    answer = client.post(
        STUDIES, {"patient": str(patient.pk), "acquired_at": "2020-02-29T12:00:00+02:00"}
    )
    assert answer.status_code == 201
    told = answer.json()
    assert told["patient"] == str(patient.pk)
    assert told["acquired_at"] == "2020-02-29T10:00:00Z"
    assert told["study_instance_uid"].startswith("2.25.")
    assert told["instances"] == []
    assert client.get(f"{STUDIES}{told['id']}/").json() == told
    assert actions(technician)[-2:] == ["study.started", "study.viewed"]


def test_by_default_it_is_now(as_technician: APIClient, patient: Any) -> None:
    before = timezone.now()
    told = as_technician.post(STUDIES, {"patient": str(patient.pk)}).json()
    assert before <= timezone.datetime.fromisoformat(told["acquired_at"]) <= timezone.now()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"acquired_at": (timezone.now() + timedelta(days=1)).isoformat()}, "acquired_at"),
        ({"acquired_at": "9999-12-31T23:59:59-14:00"}, "acquired_at"),
        ({"acquired_at": "0001-01-01T00:00:00+14:00"}, "acquired_at"),
        ({"acquired_at": "1969-12-31T00:00:00Z"}, "acquired_at"),
        ({"acquired_at": "yesterday"}, "acquired_at"),
        ({"acquired_at": 10**400}, "acquired_at"),
        ({"acquired_at": None}, "acquired_at"),
        ({"patient": "1"}, "patient"),
        ({"patient": 10**60}, "patient"),
        ({"patient": -1}, "patient"),
        ({"patient": None}, "patient"),
        ({"patient": ["x"]}, "patient"),
        ({"study_instance_uid": "1.2.3"}, "study_instance_uid"),
        ({"created_by": str(NOWHERE)}, "created_by"),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, patient: Any, changes: Any, field: str
) -> None:
    body = {"patient": str(patient.pk)} | changes
    assert field in errors(as_technician.post(STUDIES, body))
    assert count(technician, Study) == 0


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, patient: Any
) -> None:
    body = {"patient": str(patient.pk)}
    problem(as_stranger.post(STUDIES, body), 404)
    problem(as_administrator.post(STUDIES, body), 403)
    assert count(technician, Study) == 0
    study = factories.study(technician, patient)
    problem(as_stranger.get(f"{STUDIES}{study.pk}/"), 404)
    problem(as_administrator.get(f"{STUDIES}{study.pk}/"), 403)
    assert "study.viewed" not in actions(technician)


def test_a_visit_tells_of_its_images(as_doctor: APIClient, doctor: Any, patient: Any) -> None:
    opinions.model()
    instance = opinions.admit(doctor, patient)
    [prediction] = opinions.predictions(doctor)
    told = as_doctor.get(f"{STUDIES}{instance.study_id}/").json()
    [image] = told["instances"]
    assert image["id"] == str(instance.pk)
    assert image["predictions"] == [{"id": str(prediction.pk), "status": "queued"}]
    assert (image["width"], image["height"], image["format"]) == (320, 240, "jpeg")
    for name in ("image_url", "thumbnail_url"):
        assert as_doctor.get(image[name]).status_code == 200
