"""Every filter of the audit finds what it should, at the same cost for many rows as for few."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import groups, selectors
from dermaclinic.audit.models import Event
from dermaclinic.audit.vocabulary import ACTIONS
from dermaclinic.errors import Forbidden
from patients import selectors as patients
from tests import factories
from tests.pages.conftest import browser

pytestmark = pytest.mark.django_db


def found(actor: Any, **filters: Any) -> list[str]:
    return [event.action for event in selectors.events(actor=actor, filters=filters).events]


def test_a_search_that_listed_ten_patients_is_found_under_each(
    administrator: Any, technician: Any
) -> None:
    listed = [factories.patient(technician, family_name="Zehnmal") for _number in range(10)]
    other = factories.patient(technician, family_name="Andere")
    patients.search(actor=technician, q="zehnmal")
    for patient in listed:
        assert found(administrator, patient=patient.pk).count("patient.searched") == 1
    assert "patient.searched" not in found(administrator, patient=other.pk)


def test_a_group_stands_for_all_of_its_actions(administrator: Any, technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    factories.study(technician, patient)
    factories.lesion(technician, patient)
    assert found(administrator, action="group.patients") == ["lesion.added", "patient.registered"]
    assert found(administrator, action="group.images") == ["study.started"]
    assert found(administrator, action="group.nothing") == []


def test_every_action_is_in_one_group_of_the_form() -> None:
    offered = [code for _group, actions in groups.choices() for code, _words in actions]
    single = [code for code in offered if not code.startswith(groups.MARK)]
    assert sorted(single) == sorted(ACTIONS)


def test_purpose_and_outcome(administrator: Any, technician: Any) -> None:
    factories.patient(technician, consent=False)
    with pytest.raises(Forbidden):
        selectors.events(actor=technician, filters={})
    with pytest.raises(Forbidden):
        policies.require(technician, "view", Event)
    assert found(administrator, outcome="denied") == ["access.denied"]
    assert "patient.registered" in found(administrator, purpose="TREAT")
    assert found(administrator, purpose="PATRQT") == []


def test_times_are_days_or_moments(administrator: Any, technician: Any) -> None:
    factories.patient(technician, consent=False)
    now = timezone.now()
    today = now.date()
    ours = {"action": "patient.registered"}
    assert found(administrator, since=today, until=today, **ours) == ["patient.registered"]
    assert found(administrator, since=now + timedelta(seconds=1), **ours) == []
    assert found(administrator, until=now - timedelta(minutes=5), **ours) == []


def queries(client: Client, url: str) -> int:
    """How many statements read or wrote the audit and patients."""
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    ours = ('"audit_event"', '"patients_patient"')
    return sum(1 for each in seen.captured_queries if any(name in each["sql"] for name in ours))


def test_a_page_of_many_costs_as_many_queries_as_one_of_few(
    administrator: Any, technician: Any
) -> None:
    client, url = browser(administrator), reverse("audit:events")
    factories.patient(technician)
    client.get(url)
    few = queries(client, url)
    for _number in range(12):
        patient = factories.patient(technician)
        with clinic_context(technician.clinic_id):
            audit.viewed_patient(technician, patient)
    assert queries(client, url) == few == 3
