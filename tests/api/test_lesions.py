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


def test_add_with_a_place(as_technician: APIClient, technician: Any, patient: Any) -> None:
    point = {"view": "front", "x": 0.62, "y": 0.26}
    answer = as_technician.post(url(patient), {"place": point, "note": "on the map"})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["body_site"], told["laterality"]) == ("chest", "left")
    assert told["place"] == point | {
        "region": "chest_left",
        "code": "244106003",
        "display": "Skin of anterior surface of thorax",
    }
    agreeing = {"body_site": "chest", "laterality": "left", "place": point}
    assert as_technician.post(url(patient), agreeing).status_code == 201
    record = as_technician.get(f"{V1}/patients/{patient.pk}/").json()
    assert record["lesions"][0]["place"]["region"] == "chest_left"
    assert actions(technician).count("lesion.placed") == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"place": {"view": "front", "x": 0.62}}, "place"),
        ({"place": {"view": "moon", "x": 0.62, "y": 0.26}}, "place"),
        ({"place": {"view": "front", "x": 1.62, "y": 0.26}}, "place"),
        ({"place": {"view": "front", "x": 0.01, "y": 0.01}}, "place"),
        ({"place": {"view": "front", "x": 0.62, "y": 0.26, "region": "navel"}}, "place"),
        ({"place": {"view": "front", "x": 0.62, "y": 0.26}, "body_site": "back"}, "body_site"),
        ({"place": {"view": "front", "x": 0.62, "y": 0.26}, "laterality": "right"}, "laterality"),
        ({"place": None}, "body_site"),
    ],
)
def test_what_is_no_place(
    as_technician: APIClient, technician: Any, patient: Any, body: dict[str, Any], field: str
) -> None:
    named = errors(as_technician.post(url(patient), body, format="json"))
    assert [each.split(".")[0] for each in named] == [field]
    assert count(technician, Lesion) == 0
    assert not {"lesion.added", "lesion.placed"} & set(actions(technician))


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, patient: Any
) -> None:
    problem(as_stranger.post(url(patient), {"body_site": "back"}), 404)
    problem(as_administrator.post(url(patient), {"body_site": "back"}), 403)
    assert count(technician, Lesion) == 0
