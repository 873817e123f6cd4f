"""Merged records are one person: to the audit, to a search, and to a change of keys."""

import base64
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.audit.selectors import concerning
from dermaclinic.sealing.installed import keyring
from imaging.models import Study
from patients import contact, sealed
from patients.merging import identity
from patients.models import Merge, Patient
from reports import accesses
from tests import factories
from tests.api.calling import V1, as_member, problem
from tests.pages import conftest as pages
from tests.patients.merging import merge, undo
from tests.reports import scenes

pytestmark = pytest.mark.django_db
NEW_KEY = base64.b64encode(bytes(range(32))).decode()


def look(actor: Any, patient: Any) -> None:
    with clinic_context(actor.clinic_id):
        audit.viewed_patient(actor, patient)


def lookers(administrator: Any, patient: Any) -> set[str]:
    """Who is told to have opened the record, by the list that the patient gets."""
    found = accesses.of_patient(actor=administrator, patient_id=patient.pk).accesses
    return {line.person for line in found.people if line.what == "opened your record"}


def test_who_looked_covers_the_closed_record_and_the_time_of_the_merge(
    doctor: Any, administrator: Any, clinic: Any
) -> None:
    before, meanwhile, after = (factories.actor(clinic, "doctor") for _ in range(3))
    survivor, other = (factories.patient(doctor) for _ in range(2))
    look(before, other)
    assert lookers(administrator, survivor) == set()
    made = merge(doctor, survivor, other)
    look(meanwhile, survivor)
    assert lookers(administrator, survivor) == {before.name, meanwhile.name}
    assert lookers(administrator, other) == {before.name}
    undo(doctor, made)
    look(after, survivor)
    assert lookers(administrator, survivor) == {meanwhile.name, after.name}
    # Whoever saw the one record in between has seen the other's data.
    assert lookers(administrator, other) == {before.name, meanwhile.name}


def test_the_audits_own_search_covers_a_record_merged_on_and_on(doctor: Any) -> None:
    first, second, third = (factories.patient(doctor) for _ in range(3))
    look(doctor, first)
    merge(doctor, second, first)
    merge(doctor, third, second)
    with clinic_context(doctor.clinic_id):
        found = concerning(Event.objects.filter(action="patient.viewed"), third.pk)
        assert [each.patient_id for each in found] == [first.pk]


def test_no_other_patients_events_come_along(doctor: Any) -> None:
    survivor, other, third = (factories.patient(doctor) for _ in range(3))
    look(doctor, third)
    merge(doctor, survivor, other)
    with clinic_context(doctor.clinic_id):
        found = concerning(Event.objects.filter(action="patient.viewed"), survivor.pk)
        assert not found.exists()


def test_an_administrator_finds_the_entries_by_the_former_number(
    doctor: Any, administrator: Any
) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    merge(doctor, survivor, other)
    page = pages.browser(administrator).post(reverse("patients:audit-lookup"), {"q": other.mrn})
    address = f"{reverse('audit:events')}?patient="
    assert f"{address}{survivor.pk}" in page.content.decode()
    assert f"{address}{other.pk}" not in page.content.decode()


def test_a_change_of_keys_reaches_merges_and_closed_records(doctor: Any, settings: Any) -> None:
    survivor = factories.patient(doctor, phone="112 001")
    other = factories.patient(doctor, phone="112 002", email="b@post.example")
    made = merge(doctor, survivor, other, taken=["phone"])
    settings.VAULT_KEYS = f"fresh:{NEW_KEY},{django_settings.VAULT_KEYS}"
    keys = keyring()
    with clinic_context(doctor.clinic_id):
        place, changed = None, 0
        while True:
            wrapped, place = sealed.rewrap_batch(keys, after=place)
            changed += wrapped
            if place is None:
                break
        assert changed == 4, "two phones, an e-mail and the merge"
        assert set(sealed.key_ids(keys)) == {"fresh"}
        before, _after = identity.kept(Merge.objects.get(pk=made.pk))
        assert before["survivor"].contact.phone == "112 001"
        assert contact.of(Patient.objects.get(pk=other.pk)).email == "b@post.example"
    undo(doctor, made)
    with clinic_context(doctor.clinic_id):
        assert contact.of(Patient.objects.get(pk=survivor.pk)).phone == "112 001"


def test_the_api_tells_where_a_closed_record_went(doctor: Any) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    merge(doctor, survivor, other)
    client = as_member(doctor)
    read = client.get(f"{V1}/patients/{other.pk}/").json()
    assert (read["merged_into"], read["lesions"]) == (str(survivor.pk), [])
    [result] = client.post(f"{V1}/patients/search/", {"q": other.mrn}).json()["results"]
    assert (result["id"], result["former_mrns"]) == (str(survivor.pk), [other.mrn])
    refusal = problem(client.post(f"{V1}/studies/", {"patient": str(other.pk)}), 409)
    assert "merged into another one" in refusal["detail"]
    assert scenes.count(doctor, Study) == 0
