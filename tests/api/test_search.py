"""Finding patients: by POST, so that identifiers stand in no URL."""

from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from tests import factories
from tests.api.calling import V1, actions, errors, problem

SEARCH = f"{V1}/patients/search/"


@pytest.fixture
def people(technician: Any) -> dict[str, str]:
    made = {
        "eva": {"mrn": "E-77", "family_name": "Østergård", "given_name": "Eva"},
        "adam": {"mrn": "A-78", "family_name": "Muster", "given_name": "Adam"},
        "old": {"mrn": "O-79", "family_name": "Muster", "birth_date": date(1931, 5, 7)},
    }
    return {
        name: str(factories.patient(technician, consent=False, **fields).pk)
        for name, fields in made.items()
    }


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("muster", ["adam", "old"]),
        ("MUSTER adam", ["adam"]),
        ("ØSTERG", ["eva"]),
        ("e-77", ["eva"]),
        ("1931-05-07", ["old"]),
        ("07.05.1931 muster", ["old"]),
        ("nobody", []),
        ("%", []),
        ("_", []),
        ("' OR 1=1 --", []),
        ("31.02.1931", []),
    ],
)
def test_what_is_found(
    as_doctor: APIClient, people: dict[str, str], q: str, found: list[str]
) -> None:
    answer = as_doctor.post(SEARCH, {"q": q})
    assert answer.status_code == 200
    assert sorted(row["id"] for row in answer.json()["results"]) == sorted(
        people[name] for name in found
    )


def test_the_audit_knows_whom_it_showed_and_not_what_was_typed(
    as_technician: APIClient, technician: Any, people: dict[str, str]
) -> None:
    as_technician.post(SEARCH, {"q": "adam 1970-01-01"})
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.searched")
    assert event.detail == {"shown": [people["adam"]], "fields": ["birth_date", "text"]}


def test_another_clinic_finds_nobody(as_stranger: APIClient, people: dict[str, str]) -> None:
    assert as_stranger.post(SEARCH, {"q": "muster"}).json() == {"results": []}


def test_an_administrator_may_not(
    as_administrator: APIClient, administrator: Any, people: dict[str, str]
) -> None:
    problem(as_administrator.post(SEARCH, {"q": "muster"}), 403)
    assert "patient.searched" not in actions(administrator)


@pytest.mark.parametrize("q", ["", "  ", None, "\0", "x" * 201, ["muster"], {}, True])
def test_what_cannot_be(as_technician: APIClient, technician: Any, q: Any) -> None:
    assert "q" in errors(as_technician.post(SEARCH, {"q": q}))
    assert actions(technician) == []


def test_an_unknown_field(as_technician: APIClient) -> None:
    assert "limit" in errors(as_technician.post(SEARCH, {"q": "x", "limit": 10**6}))


def test_each_search_is_a_look(
    as_technician: APIClient, technician: Any, people: dict[str, str]
) -> None:
    for _time in range(2):
        answer = as_technician.post(SEARCH, {"q": "adam"}, HTTP_IDEMPOTENCY_KEY="one-key")
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer
    assert actions(technician).count("patient.searched") == 2
