"""Recording what a patient agreed to."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from patients.models import Consent
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

NEVER = dict.fromkeys(["care", "ai_opinion", "comparison", "teaching", "research"])


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, consent=False)


def url(patient: Any) -> str:
    return f"{V1}/patients/{patient.pk}/consents/"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_record(role: str, request: Any, technician: Any, patient: Any) -> None:
    client = request.getfixturevalue(role)
    answer = client.post(url(patient), {"care": True, "teaching": False})
    assert answer.status_code == 201
    assert answer.json() == NEVER | {"care": True, "teaching": False}
    assert client.post(url(patient), {"teaching": True}).json() == NEVER | {
        "care": True,
        "teaching": True,
    }
    assert actions(technician).count("consent.recorded") == 3


def test_saying_it_again_writes_nothing(
    as_technician: APIClient, technician: Any, patient: Any
) -> None:
    for _time in range(2):
        as_technician.post(url(patient), {"care": True})
    assert count(technician, Consent) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "non_field_errors"),
        ({"care": None}, "care"),
        ({"care": "perhaps"}, "care"),
        ({"care": []}, "care"),
        ({"marketing": True}, "marketing"),
        ({"care": True, "patient": str(NOWHERE)}, "patient"),
        ([], "non_field_errors"),
        ([True], "non_field_errors"),
        ("care", "non_field_errors"),
        (7, "non_field_errors"),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, patient: Any, body: Any, field: str
) -> None:
    assert field in errors(as_technician.post(url(patient), body))
    assert count(technician, Consent) == 0


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, patient: Any
) -> None:
    problem(as_stranger.post(url(patient), {"care": True}), 404)
    problem(as_administrator.post(url(patient), {"care": True}), 403)
    assert count(technician, Consent) == 0
