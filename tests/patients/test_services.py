"""Registering, editing, consent and lesions; and that a refusal leaves nothing behind."""

from datetime import date, timedelta
from random import sample
from string import ascii_lowercase
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from patients import selectors, services
from patients.body_sites import BODY_SITES, PAIRED_SITES
from patients.models import Consent, Lesion, Patient, PatientChange
from tests import factories
from tests.database import acting_as

FIELDS = {
    "mrn": "M-1",
    "family_name": "Musterfrau",
    "given_name": "Erika",
    "birth_date": date(1964, 8, 12),
    "sex": "female",
}


def count(actor: Any, model: Any, **lookup: Any) -> int:
    with clinic_context(actor.clinic_id):
        return int(model.objects.filter(**lookup).count())


def test_a_patient_is_registered_and_audited(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    with clinic_context(technician.clinic_id):
        stored = Patient.objects.get(pk=patient.pk)
        assert (stored.mrn, stored.family_name, stored.version) == ("M-1", "Musterfrau", 1)
        assert Event.objects.get(action="patient.registered").patient_id == patient.pk


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mrn": "  "}, "mrn"),
        ({"family_name": ""}, "family_name"),
        ({"sex": "x"}, "sex"),
        ({"birth_date": timezone.localdate() + timedelta(days=1)}, "birth_date"),
        ({"birth_date": date(1700, 1, 1)}, "birth_date"),
        ({"mrn": "9" * 41}, "mrn"),
        ({"given_name": "a\x00b"}, "given_name"),
    ],
)
def test_what_cannot_be_is_refused(technician: Any, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.register_patient(actor=technician, **FIELDS | change)
    assert field in refused.value.errors
    assert count(technician, Patient) == 0
    assert count(technician, Event, action="patient.registered") == 0


def test_an_mrn_is_unique_in_a_clinic_and_free_in_another(technician: Any, stranger: Any) -> None:
    services.register_patient(actor=technician, **FIELDS)
    with pytest.raises(Conflict) as refused:
        services.register_patient(actor=technician, **FIELDS)
    assert "mrn" in refused.value.errors
    assert count(technician, Patient) == 1
    services.register_patient(actor=stranger, **FIELDS)
    assert count(stranger, Patient) == 1


def test_an_administrator_registers_nobody(administrator: Any) -> None:
    with pytest.raises(Forbidden):
        services.register_patient(actor=administrator, **FIELDS)
    assert count(administrator, Patient) == 0


def test_an_edit_keeps_what_was_before(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    services.change_patient(
        actor=technician, patient_id=patient.pk, version=1, family_name="Beispiel", mrn="M-1"
    )
    with clinic_context(technician.clinic_id):
        change = PatientChange.objects.get()
        assert (change.before, change.after) == (
            {"family_name": "Musterfrau"},
            {"family_name": "Beispiel"},
        )
        assert Patient.objects.get().version == 2
        assert Event.objects.get(action="patient.changed").detail == {"fields": ["family_name"]}


def test_an_edit_of_an_old_version_is_refused(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    services.change_patient(actor=technician, patient_id=patient.pk, version=1, given_name="E.")
    with pytest.raises(Conflict):
        services.change_patient(actor=technician, patient_id=patient.pk, version=1, given_name="X")
    with clinic_context(technician.clinic_id):
        assert Patient.objects.get().given_name == "E."
    assert count(technician, PatientChange) == 1


def test_another_clinic_cannot_edit(technician: Any, stranger: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    with pytest.raises(NotFound):
        services.change_patient(actor=stranger, patient_id=patient.pk, version=1, mrn="stolen")
    with clinic_context(technician.clinic_id):
        assert Patient.objects.get().mrn == "M-1"


@pytest.mark.parametrize("model", [PatientChange, Consent])
def test_history_and_consent_are_never_changed(technician: Any, model: Any) -> None:
    patient = factories.patient(technician)
    services.change_patient(actor=technician, patient_id=patient.pk, version=1, given_name="New")
    for refused in (lambda: model.objects.all().delete(), lambda: model.objects.update(id=None)):
        with pytest.raises(DatabaseError), clinic_context(technician.clinic_id):
            refused()
    assert count(technician, model) > 0


def test_the_newest_consent_of_a_purpose_counts(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    with clinic_context(technician.clinic_id):
        assert not services.allows(patient, "care")
    for granted in (True, True, False):
        services.record_consents(
            actor=technician, patient_id=patient.pk, decisions={"ai_opinion": granted}
        )
    with clinic_context(technician.clinic_id):
        assert services.consents(patient) == {"ai_opinion": False}
    assert count(technician, Consent) == 2, "the repeated yes is the same yes"
    assert count(technician, Event, action="consent.recorded") == 2


def test_an_unknown_purpose_is_refused_whole(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    with pytest.raises(Invalid):
        services.record_consents(
            actor=technician, patient_id=patient.pk, decisions={"care": True, "advertising": True}
        )
    assert count(technician, Consent) == 0


def test_lesions_are_numbered_within_a_patient(technician: Any) -> None:
    one, two = factories.patient(technician), factories.patient(technician)
    numbers = [factories.lesion(technician, p).number for p in (one, one, two)]
    assert numbers == [1, 2, 1]


@pytest.mark.parametrize("site", PAIRED_SITES)
def test_a_paired_site_needs_a_side(technician: Any, site: str) -> None:
    patient = factories.patient(technician)
    for laterality in ("", "midline"):
        with pytest.raises(Invalid) as refused:
            factories.lesion(technician, patient, body_site=site, laterality=laterality)
        assert "laterality" in refused.value.errors
        with (
            pytest.raises(IntegrityError, match="paired_site_needs_a_side"),
            clinic_context(technician.clinic_id),
        ):
            Lesion.objects.create(
                clinic_id=technician.clinic_id, patient=patient, number=9, body_site=site,
                laterality=laterality,
            )  # fmt: skip
    assert count(technician, Lesion) == 0
    assert factories.lesion(technician, patient, body_site=site, laterality="left").pk


def test_an_unknown_body_site_is_refused(technician: Any) -> None:
    patient = factories.patient(technician)
    with pytest.raises(Invalid):
        factories.lesion(technician, patient, body_site="tail")
    assert count(technician, Lesion) == 0


def test_body_sites_have_distinct_snomed_codes() -> None:
    codes = [site.code for site in BODY_SITES.values()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("musterf", True),
        ("ERIKA muster", True),
        ("M-1", True),
        ("1964-08-12", True),
        ("12.08.1964", True),
        ("erika 12.08.1964", True),
        ("erika 13.08.1964", False),
        ("m%1", False),
        ("m_1", False),
        ("x" * 500, False),
    ],
)
def test_search(technician: Any, q: str, found: bool) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    assert selectors.search(actor=technician, q=q) == ([patient] if found else [])


def test_a_search_is_audited_with_whom_it_showed_and_not_what_was_typed(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    selectors.search(actor=technician, q="Musterfrau")
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.searched")
    assert event.detail == {"shown": [str(patient.pk)], "fields": ["text"]}


def test_a_search_shows_no_other_clinics_patient(technician: Any, stranger: Any) -> None:
    services.register_patient(actor=technician, **FIELDS)
    assert selectors.search(actor=stranger, q="Musterfrau") == []


def test_the_same_name_and_birth_date_is_pointed_out(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    found = selectors.similar(
        actor=technician, family_name="musterfrau", birth_date=FIELDS["birth_date"]
    )
    assert found == [patient]


def test_opening_a_record_is_audited(technician: Any, stranger: Any) -> None:
    patient = factories.patient(technician)
    factories.lesion(technician, patient)
    record = selectors.record(actor=technician, patient_id=patient.pk)
    assert record.may_photograph
    assert len(record.lesions) == 1
    assert count(technician, Event, action="patient.viewed", patient_id=patient.pk) == 1
    with pytest.raises(NotFound):
        selectors.record(actor=stranger, patient_id=patient.pk)


def test_the_index_serves_the_search_behind_the_wall(technician: Any) -> None:
    """LIKE is marked leakproof, or row-level security would read the whole table."""
    with clinic_context(technician.clinic_id), connection.cursor() as cursor:
        names = ("".join(sample(ascii_lowercase, 12)) for _ in range(4000))
        fields = FIELDS | {"clinic_id": technician.clinic_id}
        Patient.objects.bulk_create(
            Patient(**fields | {"mrn": f"B-{number}", "family_name": name})
            for number, name in enumerate(names)
        )
        with acting_as("owner"):
            cursor.execute("SELECT gin_clean_pending_list('patient_by_name')")
            cursor.execute("ANALYZE patients_patient")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT 1 FROM patients_patient WHERE search_text LIKE '%muster%'")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "patient_by_name" in plan


def test_two_edits_in_one_transaction_roll_back_together(technician: Any) -> None:
    patient = services.register_patient(actor=technician, **FIELDS)
    with pytest.raises(Invalid), transaction.atomic():
        services.change_patient(actor=technician, patient_id=patient.pk, version=1, mrn="M-2")
        services.change_patient(actor=technician, patient_id=patient.pk, version=2, mrn="")
    assert count(technician, PatientChange) == 0
