"""Images whose patient is in doubt: held, then filed with two identifiers or discarded."""

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Invalid
from imaging import services
from imaging.models import Instance, Quarantine, Rejection
from imaging.storage import vault
from tests import factories
from tests.imaging.taking import dicom, nothing_stored, rows


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("mrn", "D-2"),
        ("family_name", "Somebody"),
        ("given_name", "Else"),
        ("birth_date", date(1970, 1, 2)),
        ("sex", "male"),
    ],
)
def test_a_file_that_names_another_person_is_held(
    technician: Any, study: Any, drawing: Any, tag: str, value: Any
) -> None:
    with pytest.raises(services.Quarantined):
        services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing, **{tag: value}))
    (held,) = rows(technician, Quarantine)
    assert set(held.differences) == {tag}
    assert not rows(technician, Instance)
    assert vault().get(held.held_name) == dicom(drawing, **{tag: value})
    with pytest.raises(services.Quarantined) as again:
        services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing, **{tag: value}))
    assert again.value.extra["quarantine"] == str(held.pk)
    assert list(vault().names()) == [held.held_name]


def test_accents_case_and_empty_tags_are_no_difference(technician: Any, drawing: Any) -> None:
    patient = factories.patient(
        technician, mrn="d-1", family_name="Müller-Lüdenscheidt", given_name="Jo"
    )
    study = factories.study(technician, patient)
    data = dicom(drawing, family_name="MULLER LUDENSCHEIDT", given_name="", birth_date=None, sex="")
    assert services.ingest(actor=technician, study_id=study.pk, data=data).created


@pytest.mark.parametrize(
    ("family_name", "given_name", "mrn"),
    [("Петров", "Jo", "D-1"), ("Testperson", "Иван", "D-1"), ("Testperson", "Jo", "患者二")],
)
def test_names_in_other_scripts_are_compared_too(
    technician: Any, drawing: Any, family_name: str, given_name: str, mrn: str
) -> None:
    record = {"family_name": "Сидоров", "given_name": "Пётр", "mrn": "患者一"}
    study = factories.study(technician, factories.patient(technician, **record))
    named = {"family_name": family_name, "given_name": given_name, "mrn": mrn}
    with pytest.raises(services.Quarantined):
        services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing, **record | named))


@pytest.fixture
def held(technician: Any, study: Any, drawing: Any) -> Quarantine:
    with pytest.raises(services.Quarantined):
        services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing, mrn="D-2"))
    return rows(technician, Quarantine)[0]


def resolve(actor: Any, held: Quarantine, **changes: Any) -> Quarantine:
    fields = {
        "accept": True,
        "identifiers": {"mrn": "D-1", "birth_date": "1970-01-01"},
        "reason": "typing error at the camera",
    }
    return services.resolve_quarantine(actor=actor, quarantine_id=held.pk, **fields | changes)


def test_two_identifiers_and_a_reason_file_a_held_image(technician: Any, held: Quarantine) -> None:
    settled = resolve(technician, held)
    assert settled.identifiers == ["birth_date", "mrn"]
    (instance,) = rows(technician, Instance)
    assert settled.instance_id == instance.pk
    assert rows(technician, Event, action="quarantine.resolved")


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": " "},
        {"identifiers": {"mrn": "D-1"}},
        {"identifiers": {}},
        {"identifiers": {"mrn": "D-2", "birth_date": "1970-01-01"}},
        {"identifiers": {"mrn": "D-1", "birth_date": "?"}},
        {"identifiers": {"mrn": "D-1", "birth_date": "1970-01-01", "family_name": "Wrong"}},
    ],
)
def test_less_than_that_files_nothing(technician: Any, held: Quarantine, changes: Any) -> None:
    with pytest.raises(Invalid):
        resolve(technician, held, **changes)
    assert not rows(technician, Instance)
    assert rows(technician, Quarantine)[0].resolution == "open"


def test_a_discarded_image_is_gone(
    technician: Any, held: Quarantine, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        resolve(technician, held, accept=False, identifiers={})
    assert nothing_stored(technician)
    with pytest.raises(Conflict):
        resolve(technician, held)
    with pytest.raises(DatabaseError, match="never changed"), clinic_context(technician.clinic_id):
        Quarantine.objects.update(reason="other")


def test_the_same_bytes_under_another_patient_raise_an_alarm(
    technician: Any, study: Any, jpeg: bytes
) -> None:
    services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    other = factories.study(technician, factories.patient(technician))
    with pytest.raises(services.Quarantined):
        services.ingest(actor=technician, study_id=other.pk, data=jpeg)
    (event,) = rows(technician, Event, action="image.quarantined")
    assert event.outcome == "alarm"
    (held,) = rows(technician, Quarantine)
    assert held.kind == "other_patient"
    assert held.differences == {"mrn": {"file": study.patient.mrn, "record": other.patient.mrn}}
    assert len(rows(technician, Instance)) == 1


def test_the_same_bytes_in_two_clinics_do_not_meet(
    technician: Any, stranger: Any, study: Any, jpeg: bytes
) -> None:
    ours = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    other = factories.study(stranger, factories.patient(stranger))
    theirs = services.ingest(actor=stranger, study_id=other.pk, data=jpeg).instance
    assert ours.image_name != theirs.image_name


def test_a_held_object_that_was_filed_meanwhile_stays_held(
    technician: Any, held: Quarantine, drawing: Any
) -> None:
    right = factories.study(technician, factories.patient(technician, mrn="D-2", given_name="Jo"))
    services.ingest(actor=technician, study_id=right.pk, data=dicom(drawing, mrn="D-2"))
    with pytest.raises(Conflict, match="on record already"):
        resolve(technician, held)
    assert rows(technician, Quarantine)[0].resolution == "open"
    assert not rows(technician, Rejection)
