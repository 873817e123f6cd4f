"""Adding lesions."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from patients.models import Lesion
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, consent=False)


def url(patient: Any) -> str:
    return f"{V1}/patients/{patient.pk}/lesions/"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_add(role: str, request: Any, technician: Any, patient: Any) -> None:
    client = request.getfixturevalue(role)
    answer = client.post(
        url(patient), {"body_site": "foot", "laterality": "left", "note": " since May "}
    )
    assert answer.status_code == 201
    told = answer.json()
    assert told.pop("id")
    assert told == {
        "patient": str(patient.pk), "number": 1, "body_site": "foot", "laterality": "left",
        "note": "since May", "place": None,
    }  # fmt: skip
    second = client.post(url(patient), {"body_site": "back", "laterality": None, "note": None})
    assert second.json()["number"] == 2
    assert actions(technician).count("lesion.added") == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body_site"),
        ({"body_site": "moon"}, "body_site"),
        ({"body_site": None}, "body_site"),
        ({"body_site": "hand"}, "laterality"),
        ({"body_site": "hand", "laterality": ""}, "laterality"),
        ({"body_site": "hand", "laterality": "midline"}, "laterality"),
        ({"body_site": "back", "laterality": "up"}, "laterality"),
        ({"body_site": "back", "note": "x" * 501}, "note"),
        ({"body_site": "back", "note": "a\0b"}, "note"),
        ({"body_site": "back", "number": 9}, "number"),
        ({"body_site": "back", "patient": str(NOWHERE)}, "patient"),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, patient: Any, body: dict[str, Any], field: str
) -> None:
    assert field in errors(as_technician.post(url(patient), body))
    assert count(technician, Lesion) == 0
    assert "lesion.added" not in actions(technician)


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, patient: Any
) -> None:
    problem(as_stranger.post(url(patient), {"body_site": "back"}), 404)
    problem(as_administrator.post(url(patient), {"body_site": "back"}), 403)
    assert count(technician, Lesion) == 0
