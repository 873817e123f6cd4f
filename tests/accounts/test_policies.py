"""Default deny, one table for lists and details, 404 across clinics."""

from typing import Any

import pytest

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, NotFound
from imaging.models import Instance
from patients.models import Patient
from reports.models import Assessment, Report
from tests import factories


def events(actor: Any, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def test_what_is_not_in_the_table_is_denied(doctor: Any) -> None:
    assert not policies.can(doctor, "burn", Patient)
    assert not policies.can(doctor, "delete", Patient)


@pytest.mark.parametrize(
    ("role", "verb", "model", "allowed"),
    [
        ("technician", "add", Patient, True),
        ("technician", "add", Assessment, False),
        ("technician", "sign", Report, False),
        ("doctor", "sign", Report, True),
        ("doctor", "view", Event, False),
        ("administrator", "view", Event, True),
        ("administrator", "sign", Report, False),
        ("administrator", "view", Patient, False),
        ("administrator", "view", Instance, False),
    ],
)
def test_roles(clinic: Any, role: str, verb: str, model: Any, allowed: bool) -> None:
    assert policies.can(factories.actor(clinic, role), verb, model) is allowed


def test_a_role_without_the_right_is_forbidden_and_recorded(administrator: Any) -> None:
    with pytest.raises(Forbidden):
        policies.require(administrator, "add", Patient)
    (event,) = events(administrator, "access.denied")
    assert (event.outcome, event.object_type, event.detail) == (
        "denied",
        "patients.patient",
        {"verb": "add"},
    )


def test_another_clinics_object_is_not_found_and_recorded(technician: Any, stranger: Any) -> None:
    patient = factories.patient(stranger)
    with clinic_context(technician.clinic_id), pytest.raises(NotFound):
        policies.find(technician, "view", Patient.objects.all(), pk=patient.pk)
    (event,) = events(technician, "access.not_found")
    assert event.detail["lookup"] == {"pk": str(patient.pk)}


def test_a_list_uses_the_same_rule(technician: Any, administrator: Any) -> None:
    patient = factories.patient(technician)
    with clinic_context(technician.clinic_id):
        assert list(policies.visible(technician, Patient.objects.all())) == [patient]
        assert list(policies.visible(administrator, Patient.objects.all())) == []
