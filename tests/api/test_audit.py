"""The audit over REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import sealer
from dermaclinic.audit.models import Event
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, as_member, errors, problem
from tests.database import acting_as

EVENTS = f"{V1}/audit/events/"


def shown(client: APIClient, **query: Any) -> list[str]:
    answer = client.get(EVENTS, query)
    assert answer.status_code == 200
    return [row["action"] for row in answer.json()["results"]]


def test_an_event(as_administrator: APIClient, technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    [row] = as_administrator.get(EVENTS).json()["results"]
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.registered")
    expected = {
        "id": str(event.uid), "number": event.pk, "actor": str(technician.user.pk),
        "actor_name": technician.user.full_name, "role": "technician",
        "action": "patient.registered", "object_type": "patients.patient",
        "object_id": str(patient.pk), "patient": str(patient.pk), "outcome": "success",
        "purpose": "TREAT", "request_id": technician.request_id, "address": "192.0.2.1",
        "detail": {}, "sealed": False,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_reading_it_is_on_record(as_administrator: APIClient, administrator: Any) -> None:
    as_administrator.get(EVENTS, {"action": "image.viewed"})
    with clinic_context(administrator.clinic_id):
        event = Event.objects.get(action="audit.viewed")
    assert event.detail["filters"]["action"] == "image.viewed"
    assert event.detail["shown"] == 0


def test_filters(as_administrator: APIClient, technician: Any, doctor: Any) -> None:
    patient = factories.patient(technician, consent=False)
    factories.patient(doctor, consent=False)
    factories.lesion(doctor, patient)
    assert shown(as_administrator, patient=patient.pk) == ["lesion.added", "patient.registered"]
    assert shown(as_administrator, actor=doctor.user.pk) == ["lesion.added", "patient.registered"]
    both = {"patient": patient.pk, "actor": doctor.user.pk}
    assert shown(as_administrator, **both) == ["lesion.added"]
    assert shown(as_administrator, action="lesion.added") == ["lesion.added"]
    assert shown(as_administrator, action="nothing.such") == []
    assert shown(as_administrator, outcome="denied") == []
    assert shown(as_administrator, patient=NOWHERE) == []


def test_an_empty_filter_is_none(as_administrator: APIClient, technician: Any) -> None:
    factories.patient(technician, consent=False)
    empty = dict.fromkeys(["patient", "actor", "action", "outcome", "since", "until", "cursor"], "")
    assert shown(as_administrator, **empty) == ["patient.registered"]


def test_times(as_administrator: APIClient, technician: Any) -> None:
    factories.patient(technician, consent=False)
    now = timezone.now()
    day = timedelta(days=1)
    ours = {"actor": technician.user.pk}
    for since, until, found in [
        (now - day, now + day, 1),
        (now + day, None, 0),
        (None, now - day, 0),
        (None, None, 1),
    ]:
        for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"):
            query = {
                name: when.strftime(form)
                for name, when in {"since": since, "until": until}.items()
                if when
            }
            assert len(shown(as_administrator, **ours, **query)) == found
    today = now.strftime("%Y-%m-%d")
    assert len(shown(as_administrator, **ours, since=today, until=today)) == 1
    far = {"since": "0001-01-01", "until": "9999-12-31"}
    assert len(shown(as_administrator, **ours, **far)) == 1


def test_pages(as_administrator: APIClient, technician: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("dermaclinic.audit.selectors.PAGE", 2)
    for _number in range(5):
        factories.patient(technician, consent=False)
    link: str | None = f"{EVENTS}?action=patient.registered"
    numbers: list[int] = []
    while link:
        told = as_administrator.get(link).json()
        numbers += [row["number"] for row in told["results"]]
        link = told["next"]
    assert len(numbers) == 5
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.django_db(transaction=True)
def test_sealed(technician: Any, administrator: Any) -> None:
    factories.patient(technician, consent=False)
    client = as_member(administrator)
    [row] = client.get(EVENTS, {"action": "patient.registered"}).json()["results"]
    assert not row["sealed"]
    with acting_as("sealer"):
        assert sealer.seal_once() > 0
    [row] = client.get(EVENTS, {"action": "patient.registered"}).json()["results"]
    assert row["sealed"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("patient=1", "patient"),
        ("patient=%00", "patient"),
        ("actor=somebody", "actor"),
        ("action=%00", "action"),
        ("action=" + "x" * 61, "action"),
        ("outcome=well", "outcome"),
        ("since=yesterday", "since"),
        ("since=2026-02-30", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("until=99999-01-01", "until"),
        ("until=0001-01-01T00:00:00%2B23:59", "until"),
        ("cursor=1", "cursor"),
        ("clinic=1", "clinic"),
        ("patent=1", "patent"),
    ],
)
def test_a_query_that_makes_no_sense(
    as_administrator: APIClient, administrator: Any, query: str, field: str
) -> None:
    assert list(errors(as_administrator.get(f"{EVENTS}?{query}"))) == [field]
    assert "audit.viewed" not in actions(administrator)


def test_nobody_else_reads_it(
    as_technician: APIClient,
    as_doctor: APIClient,
    as_nobody: APIClient,
    administrator: Any,
) -> None:
    problem(as_technician.get(EVENTS), 403)
    problem(as_doctor.get(EVENTS), 403)
    problem(as_nobody.get(EVENTS), 401)
    assert "audit.viewed" not in actions(administrator)


def test_another_clinics_events(as_administrator: APIClient, stranger: Any) -> None:
    patient = factories.patient(stranger)
    assert shown(as_administrator) == []
    assert shown(as_administrator, patient=patient.pk) == []
    assert shown(as_administrator, actor=stranger.user.pk) == []


def test_it_cannot_be_written(as_administrator: APIClient) -> None:
    for method in ("post", "put", "patch", "delete"):
        problem(getattr(as_administrator, method)(EVENTS, {}), 405)
