"""Two records of one person become one: what moves, what stays, and what stands in the way."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound, told
from imaging.models import Instance, Quarantine
from imaging.services import Quarantined, ingest, resolve_quarantine, start_study
from inference.models import Prediction
from patients import contact, selectors as patients, services as records
from patients.merging import selectors, words
from patients.models import Consent, Lesion, Merge, Patient
from reports.models import Waiting
from reports.services import waiting
from reports.services.claims import claim_study
from reports.services.histology import record_histology
from tests import factories, opinions
from tests.database import acting_as
from tests.patients.merging import everything, merge, undo
from tests.reports import scenes

pytestmark = pytest.mark.django_db
NHS = {"identifier_system": "nhs", "identifier": "943 476 5919"}


def rows_of(actor: Any, patient: Any) -> dict[str, int]:
    """How many rows of each table a record has."""
    with clinic_context(actor.clinic_id):
        found = {
            table: model.objects.filter(patient_id=patient.pk).count()
            for table, model in words.models().items()
        }
    return {table: rows for table, rows in found.items() if rows}


def refused(actor: Any, survivor: Any, other: Any, error: Any = Conflict, **more: Any) -> Any:
    """A merge that is refused, and has left nothing behind; what was said."""
    before = everything(actor)
    with pytest.raises(error) as said:
        merge(actor, survivor, other, **more)
    assert everything(actor) == before
    assert scenes.count(actor, Merge) == scenes.events(actor, "patient.merged") == 0
    return said.value


def test_everything_moves_and_the_record_is_closed(doctor: Any) -> None:
    _report, study, lesion, image = scenes.signed(doctor)
    day = timezone.localdate()
    record_histology(actor=doctor, lesion_id=lesion.pk, diagnosis=scenes.NEVUS, reported_on=day)
    other, survivor = study.patient, factories.patient(doctor, consent=False)
    factories.lesion(doctor, survivor)
    had = rows_of(doctor, other)
    assert set(had) >= {
        "patients_consent", "patients_lesion", "imaging_study", "imaging_instance",
        "reports_assessment", "reports_histology", "reports_report",
    }  # fmt: skip
    made = merge(doctor, survivor, other)
    assert rows_of(doctor, other) == {}
    assert rows_of(doctor, survivor) == had | {"patients_lesion": 2}
    assert words.numbers(made.moved) == had
    assert made.numbers == {str(lesion.pk): 1}
    with clinic_context(doctor.clinic_id):
        assert Lesion.objects.get(pk=lesion.pk).number == 2
        assert Instance.objects.get(pk=image.pk).patient_id == survivor.pk
        assert Patient.objects.get(pk=other.pk).merged_into_id == survivor.pk
        told_of = Event.objects.filter(action="patient.merged")
        assert {each.patient_id for each in told_of} == {survivor.pk, other.pk}
        assert [each.detail["moved"] for each in told_of] == [had, had]


def test_a_signed_report_keeps_its_content_and_its_hash(doctor: Any) -> None:
    report, study, _lesion, _image = scenes.signed(doctor)
    before = scenes.stored(doctor, report)
    merge(doctor, factories.patient(doctor), study.patient)
    after = scenes.stored(doctor, report)
    assert after.patient_id != before.patient_id
    assert (after.content, after.content_sha256) == (before.content, before.content_sha256)
    assert after.content["patient"]["mrn"] == study.patient.mrn


def test_values_are_chosen_field_by_field_and_both_numbers_find_the_person(doctor: Any) -> None:
    survivor = factories.patient(doctor, mrn="M-1", phone="112 001")
    other = factories.patient(doctor, mrn="M-2", given_name="Right", phone="112 002", **NHS)
    made = merge(doctor, survivor, other, taken=["mrn", "given_name", "identifier"])
    with clinic_context(doctor.clinic_id):
        kept = Patient.objects.get(pk=survivor.pk)
        assert (kept.mrn, kept.given_name, kept.version) == ("M-2", "Right", 2)
        assert kept.family_name == survivor.family_name
        reached = contact.of(kept)
        assert (reached.phone, reached.identifier) == ("112 001", NHS["identifier"])
        assert Patient.objects.get(pk=other.pk).mrn == "M-1"
    assert made.identity["closed"]["mrn"] == "M-2"
    assert made.chosen == ["given_name", "identifier", "mrn"]
    assert b"112 002" not in bytes(made.sealed)
    for q in ("M-1", "M-2", "9434765919"):
        [found] = patients.search(actor=doctor, q=q)
        assert (found.pk, found.former_mrns) == (survivor.pk, ["M-1"])


def queries_of_search(actor: Any, q: str) -> tuple[list[Patient], int]:
    with CaptureQueriesContext(connection) as queries:
        found = patients.search(actor=actor, q=q)
    return found, len(queries)


def test_a_record_merged_on_and_on_is_found_and_a_step_costs_a_query(doctor: Any) -> None:
    people = [factories.patient(doctor, consent=False, family_name="Wide") for _ in range(9)]
    _found, alone = queries_of_search(doctor, people[0].mrn)
    found, wide = queries_of_search(doctor, "Wide")
    assert len(found) == 9
    merge(doctor, people[1], people[0])
    merge(doctor, people[2], people[1])
    [one], merged = queries_of_search(doctor, people[0].mrn)
    assert one.pk == people[2].pk
    assert set(one.former_mrns) == {people[0].mrn, people[1].mrn}
    assert merged == alone + 4, "two steps there, two steps back"
    merge(doctor, people[4], people[3])
    merge(doctor, people[6], people[5])
    found, many = queries_of_search(doctor, "Wide")
    assert len(found) == 5
    assert many == wide + 4, "a query for each step, none for each person"


def test_the_newer_answer_counts_and_the_preview_says_which(doctor: Any) -> None:
    survivor, other = (factories.patient(doctor, consent=False) for _ in range(2))
    for patient, answer in ((other, False), (survivor, True)):
        records.record_consents(
            actor=doctor, patient_id=patient.pk, decisions={"ai_opinion": answer}
        )
    records.record_consents(actor=doctor, patient_id=other.pk, decisions={"care": True})
    preview = selectors.preview(actor=doctor, survivor_id=survivor.pk, other_id=other.pk)
    by_purpose = {
        (answer.counts.purpose, answer.counts.granted, answer.changes) for answer in preview.answers
    }
    assert by_purpose == {("ai_opinion", True, True), ("care", True, False)}
    merge(doctor, survivor, other)
    with clinic_context(doctor.clinic_id):
        assert records.consents(survivor) == {"ai_opinion": True, "care": True}
        assert Consent.objects.filter(patient=survivor).count() == 3, "none is lost"


def test_the_worklist_places_visits_by_the_consents_of_whose_they_are(doctor: Any) -> None:
    scenes.model()
    study, _lesions, [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, triage="urgent", malignant=0.8)
    other = factories.patient(doctor, consent=False)
    records.record_consents(actor=doctor, patient_id=other.pk, decisions={"ai_opinion": False})

    def rank() -> str:
        with clinic_context(doctor.clinic_id):
            waiting.find_places()
            assert waiting.differences() == []
            return Waiting.objects.get(study=study).place[0]

    assert rank() == "1", "urgent"
    made = merge(doctor, study.patient, other)
    assert rank() == "0", "no opinion is wanted"
    undo(doctor, made)
    assert rank() == "1"


def twins(doctor: Any) -> Any:
    """Two records with the same image, as when a held one is accepted: (patients, images)."""
    data = opinions.picture(4242)
    mine, theirs = (factories.study(doctor, factories.patient(doctor)) for _ in range(2))
    first = ingest(actor=doctor, study_id=mine.pk, data=data).instance
    with pytest.raises(Quarantined):
        ingest(actor=doctor, study_id=theirs.pk, data=data)
    with clinic_context(doctor.clinic_id):
        held = Quarantine.objects.get()
    typed = {"mrn": theirs.patient.mrn, "birth_date": "1970-01-01"}
    second = resolve_quarantine(
        actor=doctor, quarantine_id=held.pk, accept=True, identifiers=typed, reason="really hers"
    ).instance
    return (mine.patient, theirs.patient), (first, second), data


def test_an_image_in_both_records_stays_in_both_visits_and_is_named(doctor: Any) -> None:
    (survivor, other), (first, second), data = twins(doctor)
    preview = selectors.preview(actor=doctor, survivor_id=survivor.pk, other_id=other.pk)
    [note] = preview.notes
    assert "is in both records" in note.sentence
    assert str(second.pk) in note.address
    made = merge(doctor, survivor, other)
    assert made.twins == [second.pk]
    with clinic_context(doctor.clinic_id):
        images = Instance.objects.filter(patient=survivor)
        assert {(each.pk, each.twin) for each in images} == {(first.pk, False), (second.pk, True)}
    again = ingest(actor=doctor, study_id=first.study_id, data=data)
    assert again.instance.pk in (first.pk, second.pk)
    assert scenes.count(doctor, Instance) == 2


def test_what_others_work_on_stands_in_the_way(doctor: Any, clinic: Any) -> None:
    survivor = factories.patient(doctor)
    report, study, _lesion, _image = scenes.draft(doctor)
    said = refused(doctor, survivor, study.patient)
    assert "is not signed" in str(said.detail)
    colleague = factories.actor(clinic, "doctor")
    claimed = factories.study(doctor, factories.patient(doctor))
    claim_study(actor=colleague, study_id=claimed.pk)
    said = refused(doctor, claimed.patient, survivor)
    assert colleague.name in str(said.detail)
    assert colleague.name not in str(report.content)


def test_ones_own_claim_does_not(doctor: Any) -> None:
    study = factories.study(doctor, factories.patient(doctor))
    claim_study(actor=doctor, study_id=study.pk)
    merge(doctor, factories.patient(doctor), study.patient)


def test_an_opinion_that_is_being_formed_is_waited_for(doctor: Any) -> None:
    scenes.model()
    study, _lesions, [image] = scenes.visit(doctor)
    survivor = factories.patient(doctor)
    with clinic_context(doctor.clinic_id):
        row = Prediction.objects.get(instance=image)
        with acting_as("owner"):
            Prediction.objects.filter(pk=row.pk).update(
                status="running",
                lease_token=row.pk,
                lease_expires_at=timezone.now() + timedelta(minutes=1),
            )
    assert "reading an image" in str(refused(doctor, survivor, study.patient).detail)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Prediction.objects.filter(pk=row.pk).update(lease_expires_at=timezone.now())
    merge(doctor, survivor, study.patient)


def test_a_file_held_for_both_records_is_decided_on_first(doctor: Any) -> None:
    data = opinions.picture(4243)
    elsewhere = factories.study(doctor, factories.patient(doctor))
    ingest(actor=doctor, study_id=elsewhere.pk, data=data)
    both = [factories.study(doctor, factories.patient(doctor)) for _ in range(2)]
    for study in both:
        with pytest.raises(Quarantined):
            ingest(actor=doctor, study_id=study.pk, data=data)
    said = refused(doctor, both[0].patient, both[1].patient)
    assert "held back in both" in str(said.detail)


def test_what_makes_no_sense_is_refused(doctor: Any) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    assert "reason" in refused(doctor, survivor, other, Invalid, reason=" ").errors
    refused(doctor, survivor, survivor, Invalid)
    refused(doctor, survivor, other, Invalid, taken=["version"])
    records.change_patient(actor=doctor, patient_id=other.pk, version=1, given_name="New")
    assert "meanwhile" in str(refused(doctor, survivor, other, seen=(1, 1)).detail)


def test_only_a_doctor_of_the_clinic_merges(doctor: Any, technician: Any, stranger: Any) -> None:
    survivor, other = (factories.patient(doctor) for _ in range(2))
    theirs = factories.patient(stranger)
    refused(technician, survivor, other, Forbidden)
    refused(stranger, survivor, other, NotFound)
    refused(doctor, survivor, theirs, NotFound)
    with pytest.raises(NotFound):
        selectors.preview(actor=doctor, survivor_id=survivor.pk, other_id=theirs.pk)


def test_a_closed_record_takes_nothing(doctor: Any) -> None:
    survivor, other, third = (factories.patient(doctor, phone="112 003") for _ in range(3))
    merge(doctor, survivor, other)
    before = everything(doctor)
    tried: list[Any] = [
        lambda: records.add_lesion(actor=doctor, patient_id=other.pk, body_site="back"),
        lambda: records.change_patient(
            actor=doctor, patient_id=other.pk, version=1, given_name="New"
        ),
        lambda: records.record_consents(
            actor=doctor, patient_id=other.pk, decisions={"care": False}
        ),
        lambda: start_study(actor=doctor, patient_id=other.pk),
        lambda: merge(doctor, other, third),
        lambda: merge(doctor, third, other),
    ]
    for attempt in tried:
        with pytest.raises(Conflict, match="has been merged into another one"):
            attempt()
    assert everything(doctor) == before


def test_the_database_refuses_what_a_service_did_not_see(doctor: Any) -> None:
    """A page that was slower than the merge: the user is told, nothing is stored."""
    survivor, other = (factories.patient(doctor, phone="112 003") for _ in range(2))
    merge(doctor, survivor, other)
    before = everything(doctor)
    fields = {"clinic_id": doctor.clinic_id, "patient_id": other.pk}
    tried: list[Any] = [
        lambda: Lesion(number=9, body_site="back", **fields).save(force_insert=True),
        lambda: Consent(purpose="care", granted=True, recorded_by=doctor.person, **fields).save(
            force_insert=True
        ),
        lambda: Patient.objects.filter(pk=other.pk).update(given_name="New"),
        lambda: contact.store(Patient.objects.get(pk=other.pk), contact.Contact(phone="112 9")),
    ]
    for attempt in tried:
        with pytest.raises(IntegrityError) as refusal, clinic_context(doctor.clinic_id):
            attempt()
        said = told(refusal.value)
        assert isinstance(said, Conflict)
        assert "moved to another record meanwhile" in str(said.detail)
    assert everything(doctor) == before


def test_likely_records_are_those_with_the_same_name_or_birth_date(
    doctor: Any, stranger: Any
) -> None:
    person = {"family_name": "Lind", "given_name": "Ada", "birth_date": "1980-02-03"}
    patient = factories.patient(doctor, **person)
    same = {
        factories.patient(doctor, **person).pk,
        factories.patient(doctor, **person | {"given_name": "A."}).pk,
        factories.patient(doctor, **person | {"birth_date": "1980-03-02"}).pk,
        factories.patient(doctor, **person | {"family_name": "ada", "given_name": "LIND"}).pk,
    }
    factories.patient(doctor, **person | {"given_name": "Bo", "birth_date": "1980-03-02"})
    factories.patient(stranger, **person)
    closed = factories.patient(doctor, **person)
    merge(doctor, factories.patient(doctor), closed)
    _patient, found = selectors.likely(actor=doctor, patient_id=patient.pk)
    assert {each.pk for each in found} == same
    with clinic_context(doctor.clinic_id):
        shown = Event.objects.filter(action="patient.searched").latest("pk").detail["shown"]
    assert set(shown) == {str(pk) for pk in same | {patient.pk}}


def test_a_preview_has_one_count_of_queries(doctor: Any) -> None:
    counts = []
    for visits in (1, 3):
        survivor, other = (factories.patient(doctor) for _ in range(2))
        for patient in (survivor, other):
            for _ in range(visits):
                lesion = factories.lesion(doctor, patient)
                scenes.image(doctor, factories.study(doctor, patient), lesion)
        with CaptureQueriesContext(connection) as queries:
            preview = selectors.preview(actor=doctor, survivor_id=survivor.pk, other_id=other.pk)
        assert [number for _lesion, number in preview.lesions] == list(
            range(visits + 1, 2 * visits + 1)
        )
        counts.append(len(queries))
    assert counts[0] == counts[1]
    with clinic_context(doctor.clinic_id):
        looks = Event.objects.filter(action="patient.merge_previewed")
        assert set(looks.values_list("patient_id", flat=True)) >= {survivor.pk, other.pk}
