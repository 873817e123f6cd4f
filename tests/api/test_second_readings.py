"""Second readings over REST: what is told before, and what after."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from reports.models import SecondReading
from tests import factories
from tests.api.calling import NOWHERE, V1, as_member, errors, problem
from tests.reports import scenes, second
from tests.reports.scenes import MELANOMA, NEVUS

READINGS = f"{V1}/second-readings/"
BODY = {"diagnoses": [NEVUS], "management": "discharge", "comment": "Calm."}


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def as_other(other: Any) -> APIClient:
    return as_member(other)


def test_the_list_tells_what_a_second_reader_may_know(
    as_other: APIClient, as_doctor: APIClient, doctor: Any
) -> None:
    reading = second.waiting(doctor)
    [told] = as_other.get(READINGS).json()["results"]
    image = str(reading.first.images[0])
    assert told.pop("asked_at")
    assert told.pop("images") == [
        {
            "id": image,
            "image_url": f"http://testserver{V1}/instances/{image}/image/",
            "thumbnail_url": f"http://testserver{V1}/instances/{image}/thumbnail/",
        }
    ]
    assert told == {
        "id": str(reading.pk), "age": told["age"], "sex": "female", "body_site": "back",
        "laterality": "", "claimed_by": None, "claimed_until": None,
    }  # fmt: skip
    assert as_doctor.get(READINGS).json()["results"] == [], "the first reader's own"


def test_claim_record_and_read(as_other: APIClient, other: Any, doctor: Any) -> None:
    reading = second.waiting(doctor)
    here = f"{READINGS}{reading.pk}/"
    assert problem(as_other.get(here), 409)
    claim = as_other.post(f"{here}claim/")
    assert (claim.status_code, claim.json()["claimed_by"]) == (200, str(other.user.pk))
    assert as_other.get(READINGS).json()["results"][0]["claimed_by"] == str(other.user.pk)
    told = as_other.post(f"{here}record/", BODY)
    assert told.status_code == 201
    expected = {
        "id": str(reading.pk), "first": str(reading.first_id), "outcome": "differs",
        "diagnoses": [NEVUS], "management": "discharge", "due": None, "comment": "Calm.",
        "reader": str(other.user.pk), "closed_at": None, "closed_why": "",
    }  # fmt: skip
    assert {name: told.json()[name] for name in expected} == expected
    assert as_other.get(here).json() == told.json()
    assert as_other.get(READINGS).json()["results"] == []


def test_a_claim_is_given_back(as_other: APIClient, other: Any, doctor: Any) -> None:
    reading = second.claimed(doctor, other)
    assert as_other.post(f"{READINGS}{reading.pk}/release/").status_code == 204
    assert second.asked(doctor)[0].claimed_by is None


def test_refusals_store_nothing(
    as_other: APIClient, as_technician: APIClient, as_stranger: APIClient, doctor: Any
) -> None:
    reading = second.waiting(doctor)
    record = f"{READINGS}{reading.pk}/record/"
    problem(as_other.post(record, BODY), 409)
    problem(as_technician.post(record, BODY), 403)
    problem(as_stranger.post(record, BODY), 404)
    problem(as_other.post(f"{READINGS}{NOWHERE}/record/", BODY), 404)
    as_other.post(f"{READINGS}{reading.pk}/claim/")
    assert set(errors(as_other.post(record, BODY | {"reason": "x"}))) == {"reason"}
    assert set(errors(as_other.post(record, BODY | {"diagnoses": ["1"]}))) == {"diagnoses"}
    assert scenes.count(doctor, SecondReading, read_at=None) == 1


def test_pages_go_on_where_the_last_ended(
    as_other: APIClient, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.api_second_reading.PAGE", 2)
    made = [str(second.waiting(doctor, management="excise").pk) for _each in range(3)]
    first = as_other.get(READINGS).json()
    assert [each["id"] for each in first["results"]] == made[:2]
    rest = as_other.get(first["next"]).json()
    assert ([each["id"] for each in rest["results"]], rest["next"]) == (made[2:], None)
    assert MELANOMA not in str(first)
