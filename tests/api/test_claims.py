"""Taking a visit for reading, and giving it back."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from reports.models import Claim
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, as_member, count, errors, problem


@pytest.fixture
def study(technician: Any) -> Any:
    return factories.study(technician, factories.patient(technician))


def url(study: Any, what: str) -> str:
    return f"{V1}/studies/{study.pk}/{what}/"


def test_claim_and_release(as_doctor: APIClient, doctor: Any, study: Any) -> None:
    answer = as_doctor.post(url(study, "claim"))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["study"], told["doctor"]) == (str(study.pk), str(doctor.user.pk))
    assert as_doctor.post(url(study, "claim"), {}).json()["expires_at"] >= told["expires_at"]
    assert count(doctor, Claim) == 1
    answer = as_doctor.post(url(study, "release"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert count(doctor, Claim) == 0
    assert as_doctor.post(url(study, "release")).status_code == 204
    assert actions(doctor).count("study.released") == 1


def test_another_doctor_waits(as_doctor: APIClient, doctor: Any, clinic: Any, study: Any) -> None:
    as_doctor.post(url(study, "claim"))
    second = as_member(factories.actor(clinic, "doctor"))
    for what in ("claim", "release"):
        told = problem(second.post(url(study, what)), 409)
        assert told["claimed_by"] == doctor.user.full_name
    assert count(doctor, Claim, doctor=doctor.user) == 1


@pytest.mark.parametrize("what", ["claim", "release"])
def test_outsiders(
    as_technician: APIClient,
    as_administrator: APIClient,
    as_stranger: APIClient,
    technician: Any,
    study: Any,
    what: str,
) -> None:
    problem(as_technician.post(url(study, what)), 403)
    problem(as_administrator.post(url(study, what)), 403)
    problem(as_stranger.post(url(study, what)), 404)
    assert count(technician, Claim) == 0


@pytest.mark.parametrize("what", ["claim", "release"])
def test_a_body_where_none_belongs(
    as_doctor: APIClient, doctor: Any, study: Any, what: str
) -> None:
    assert "doctor" in errors(as_doctor.post(url(study, what), {"doctor": str(NOWHERE)}))
    assert count(doctor, Claim) == 0
