"""Deciding whose a held image is."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from imaging.models import Instance, Quarantine
from imaging.services import Quarantined, ingest
from imaging.storage import vault
from tests import factories, opinions
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

QUARANTINE = f"{V1}/quarantine/"
REASON = "The twins were mixed up."


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, mrn="Q-1")


def hold(actor: Any, patient: Any, seed: int = 1) -> str:
    """An image that another patient has already: held; its id."""
    opinions.admit(actor, seed=seed)
    study = factories.study(actor, patient)
    with pytest.raises(Quarantined) as refused:
        ingest(actor=actor, study_id=study.pk, data=opinions.picture(seed))
    return str(refused.value.extra["quarantine"])


@pytest.fixture
def held(technician: Any, patient: Any) -> str:
    return hold(technician, patient)


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_list_and_read(role: str, request: Any, technician: Any, patient: Any, held: str) -> None:
    client = request.getfixturevalue(role)
    answer = client.get(QUARANTINE)
    assert answer.status_code == 200
    assert answer.json()["next"] is None
    [row] = answer.json()["results"]
    assert (row["id"], row["kind"], row["resolution"]) == (held, "other_patient", "open")
    assert row["patient"] == str(patient.pk)
    assert client.get(f"{QUARANTINE}{held}/").json() == row
    assert actions(technician).count("quarantine.viewed") == 2


def test_pages(as_technician: APIClient, technician: Any, patient: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("imaging.api.PAGE", 2)
    ids = [hold(technician, patient, seed) for seed in (1, 2, 3)]
    first = as_technician.get(QUARANTINE).json()
    assert [row["id"] for row in first["results"]] == ids[:2]
    last = as_technician.get(first["next"]).json()
    assert [row["id"] for row in last["results"]] == ids[2:]
    assert last["next"] is None


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=%00", "cursor=eyJhIjoxfQ:1abc:def", "page=2", "cursor=" + "x" * 501],
)
def test_a_query_that_makes_no_sense(as_technician: APIClient, query: str) -> None:
    assert list(errors(as_technician.get(f"{QUARANTINE}?{query}"))) == [query.partition("=")[0]]


def test_accept(as_technician: APIClient, technician: Any, patient: Any, held: str) -> None:
    body = {
        "accept": True, "reason": REASON,
        "identifiers": {"mrn": "q-1", "birth_date": "1970-01-01"},
    }  # fmt: skip
    answer = as_technician.post(f"{QUARANTINE}{held}/resolve/", body)
    assert answer.status_code == 200
    told = answer.json()
    assert told["resolution"] == "accepted"
    assert told["identifiers"] == ["birth_date", "mrn"]
    assert count(technician, Instance, pk=told["instance"], patient=patient) == 1
    assert "quarantine.resolved" in actions(technician)
    problem(as_technician.post(f"{QUARANTINE}{held}/resolve/", body), 409)


def test_discard(as_technician: APIClient, technician: Any, patient: Any, held: str) -> None:
    answer = as_technician.post(f"{QUARANTINE}{held}/resolve/", {"accept": False, "reason": REASON})
    assert answer.status_code == 200
    assert (answer.json()["resolution"], answer.json()["instance"]) == ("discarded", None)
    assert count(technician, Instance, patient=patient) == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"accept": True, "reason": REASON}, "identifiers"),
        ({"accept": True, "reason": REASON, "identifiers": {}}, "identifiers"),
        ({"accept": True, "reason": REASON, "identifiers": {"mrn": "Q-1"}}, "identifiers"),
        (
            {"accept": True, "reason": REASON, "identifiers": {"mrn": "Q-1", "given_name": "No"}},
            "identifiers",
        ),
        ({"accept": True, "reason": REASON, "identifiers": {"email": "a@b"}}, "identifiers"),
        ({"accept": True, "reason": REASON, "identifiers": ["Q-1"]}, "identifiers"),
        ({"accept": True, "reason": REASON, "identifiers": None}, "identifiers"),
        ({"accept": False, "reason": ""}, "reason"),
        ({"accept": False}, "reason"),
        ({"reason": REASON}, "accept"),
        ({"accept": "maybe", "reason": REASON}, "accept"),
        ({"accept": False, "reason": REASON, "patient": str(NOWHERE)}, "patient"),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, held: str, body: Any, field: str
) -> None:
    before = sorted(vault().names())
    assert field in errors(as_technician.post(f"{QUARANTINE}{held}/resolve/", body))
    assert count(technician, Quarantine, pk=held, resolution="open") == 1
    assert sorted(vault().names()) == before


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, held: str
) -> None:
    assert as_stranger.get(QUARANTINE).json()["results"] == []
    problem(as_administrator.get(QUARANTINE), 403)
    body = {"accept": False, "reason": REASON}
    for client, status in [(as_stranger, 404), (as_administrator, 403)]:
        problem(client.get(f"{QUARANTINE}{held}/"), status)
        problem(client.post(f"{QUARANTINE}{held}/resolve/", body), status)
    assert count(technician, Quarantine, pk=held, resolution="open") == 1
    assert "quarantine.viewed" not in actions(technician)
