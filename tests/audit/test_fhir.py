"""Every action makes a FHIR R4 AuditEvent that the resource's own model accepts."""

import itertools
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from dermaclinic import audit
from dermaclinic.accounts.actor import system_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import fhir, record
from dermaclinic.audit.models import Event, Outcome
from dermaclinic.audit.vocabulary import ACTIONS
from patients import selectors
from tests import factories

pytestmark = pytest.mark.django_db


def resource(event: Event) -> dict[str, Any]:
    """The resource as JSON has it, accepted by FHIR's model and unchanged by it."""
    made = fhir.audit_event(event)
    accepted = AuditEvent.model_validate(made).model_dump(mode="json", exclude_none=True)
    assert {**accepted, "recorded": made["recorded"]} == made
    return made


def last(actor: Any, action: str) -> Event:
    with clinic_context(actor.clinic_id):
        return Event.objects.select_related("actor").filter(action=action).latest("pk")


def test_every_action_and_outcome(doctor: Any) -> None:
    for action, outcome in itertools.product(ACTIONS, Outcome.values):
        made = resource(record.event(doctor, action, outcome=outcome, detail={"shown": []}))
        assert made["subtype"][-1]["code"] == action
        assert made["action"] in "CRUDE"
        assert (made["outcome"] == "0") is (outcome == "success")


def test_opening_a_record(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    with clinic_context(technician.clinic_id):
        audit.viewed_patient(technician, patient)
    event = last(technician, "patient.viewed")
    made = resource(event)
    assert made["id"] == str(event.uid)
    assert (made["type"]["code"], made["action"]) == ("110110", "R")
    assert made["subtype"][0]["code"] == "read"
    person, client, server = made["agent"]
    assert [each["requestor"] for each in made["agent"]] == [True, False, False]
    assert person["who"]["display"] == technician.name
    assert client["network"] == {"address": "192.0.2.1", "type": "2"}
    assert (client["type"]["coding"][0]["code"], server["type"]["coding"][0]["code"]) == (
        "110152",
        "110153",
    )
    assert made["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    references = [each["what"].get("reference") for each in made["entity"]]
    assert references == [f"Patient/{patient.pk}", None]
    assert made["entity"][1]["what"]["identifier"]["value"] == technician.request_id
    assert patient.family_name not in str(made)


def test_a_search_names_each_patient_it_showed_by_id_and_nothing_that_was_typed(
    technician: Any,
) -> None:
    shown = [factories.patient(technician, family_name="Zehnmal") for _number in range(3)]
    selectors.search(actor=technician, q="zehnmal")
    made = resource(last(technician, "patient.searched"))
    assert made["type"]["code"] == "110112"
    patients = [each for each in made["entity"] if each["type"]["code"] == "1"]
    assert {each["what"]["reference"] for each in patients} == {
        f"Patient/{each.pk}" for each in shown
    }
    assert "zehnmal" not in str(made).lower()


def test_a_job_of_the_system_has_no_person_and_no_address(clinic: Any) -> None:
    made = resource(record.event(system_actor(clinic.pk, task="sweep"), "report.rendered"))
    assert made["agent"][0]["who"] == {"display": "system"}
    assert len(made["agent"]) == 2
    assert made["purposeOfEvent"][0]["coding"][0]["code"] == "HOPERAT"


def test_a_refusal_is_a_security_alert(technician: Any) -> None:
    made = resource(record.event(technician, "access.denied", obj=Event, outcome="denied"))
    assert (made["type"]["code"], made["outcome"]) == ("110113", "4")
    assert "what" not in made["entity"][0]
