"""The one door: what is admitted is whole, what is refused leaves a reason and nothing else."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from demo.dicom import PatientTags, StudyTags, as_dicom
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from imaging import selectors, services, steps
from imaging.models import Instance, Quarantine, Rejection
from imaging.storage import vault
from patients.services import record_consents
from tests import factories

NEVUS = Lesion(Kind.NEVUS_RETICULAR, seed=1)
# `imaging.services.ingest` is the function; its module is found by name.
ingest_module = import_module("imaging.services.ingest")
SPEC = Spec(SkinTone.TYPE_II, NEVUS, Capture.plain(), size=(320, 240))


@pytest.fixture(scope="module")
def drawing() -> Any:
    return draw(SPEC, seed=1)


@pytest.fixture(scope="module")
def jpeg(drawing: Any) -> bytes:
    return bytes(drawing.as_jpeg())


def dicom(drawing: Any, **patient: Any) -> bytes:
    fields = {
        "family_name": "Testperson",
        "given_name": "Jo",
        "mrn": "D-1",
        "birth_date": date(1970, 1, 1),
        "sex": "female",
    }
    when = datetime(2026, 1, 2, 10, 0)  # noqa: DTZ001 - DICOM times have no zone
    tags = PatientTags(**fields | patient)
    return as_dicom(drawing, patient=tags, study=StudyTags(key="k", acquired_at=when))


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, mrn="D-1", given_name="Jo")


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


def rows(actor: Any, model: Any, **lookup: Any) -> list[Any]:
    with clinic_context(actor.clinic_id):
        return list(model.objects.filter(**lookup))


def nothing_stored(actor: Any) -> bool:
    return not rows(actor, Instance) and not list(vault().names())


def test_a_jpeg_is_admitted(technician: Any, study: Any, jpeg: bytes) -> None:
    lesion = factories.lesion(technician, study.patient)
    result = services.ingest(
        actor=technician, study_id=study.pk, data=jpeg, filename="a.jpg", lesion_id=lesion.pk
    )
    instance = result.instance
    assert result.created
    assert (instance.format, instance.width, instance.height) == ("jpeg", 320, 240)
    assert instance.lesion_id == lesion.pk
    assert instance.quality["verdict"] in ("good", "limited", "poor")
    assert vault().get(instance.image_name)[:2] == b"\xff\xd8"
    assert vault().get(instance.thumbnail_name)[:2] == b"\xff\xd8"
    (event,) = rows(technician, Event, action="image.admitted")
    assert event.patient_id == study.patient_id


def test_nothing_in_the_vault_is_readable(technician: Any, study: Any, jpeg: bytes) -> None:
    services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    for path in settings.VAULT_DIR.rglob("*"):
        if path.is_file():
            assert jpeg[200:400] not in path.read_bytes()
            assert b"JFIF" not in path.read_bytes()


def test_a_dicom_object_keeps_its_original_sealed(
    technician: Any, study: Any, drawing: Any
) -> None:
    data = dicom(drawing)
    instance = services.ingest(actor=technician, study_id=study.pk, data=data).instance
    assert instance.format == "dicom"
    assert vault().get(instance.original_name)[128:] == data[128:]
    assert instance.source["sop_class_uid"] == "1.2.840.10008.5.1.4.1.1.77.1.7"
    assert "Testperson" not in str(instance.source)


def test_the_same_bytes_twice_are_one_image(technician: Any, study: Any, jpeg: bytes) -> None:
    first = services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    again = services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    assert (again.created, again.instance.pk) == (False, first.instance.pk)
    assert len(rows(technician, Instance)) == 1
    assert len(rows(technician, Event, action="image.repeated")) == 1


def test_no_image_before_consent(technician: Any, jpeg: bytes) -> None:
    patient = factories.patient(technician, consent=False)
    study = factories.study(technician, patient)
    with pytest.raises(Conflict, match="consent"):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    assert nothing_stored(technician)
    record_consents(actor=technician, patient_id=patient.pk, decisions={"care": True})
    assert services.ingest(actor=technician, study_id=study.pk, data=jpeg).created


def test_a_withdrawn_consent_counts(technician: Any, study: Any, jpeg: bytes) -> None:
    record_consents(actor=technician, patient_id=study.patient_id, decisions={"care": False})
    with pytest.raises(Conflict):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    assert nothing_stored(technician)


def test_a_refused_file_leaves_a_reason_and_nothing_else(technician: Any, study: Any) -> None:
    with pytest.raises(services.UploadRefused) as refused:
        services.ingest(
            actor=technician, study_id=study.pk, data=b"<html></html>", filename="a.jpg"
        )
    (rejection,) = rows(technician, Rejection)
    assert rejection.reason == str(refused.value.detail)
    assert rejection.size == 13
    assert refused.value.extra["rejection"] == str(rejection.pk)
    assert nothing_stored(technician)
    (event,) = rows(technician, Event, action="image.rejected")
    assert (event.outcome, event.patient_id) == ("failure", study.patient_id)


def test_a_rejection_is_never_changed(technician: Any, study: Any) -> None:
    with pytest.raises(services.UploadRefused):
        services.ingest(actor=technician, study_id=study.pk, data=b"")
    with pytest.raises(DatabaseError), clinic_context(technician.clinic_id):
        Rejection.objects.update(reason="")


@pytest.mark.parametrize("who", ["administrator", "stranger"])
def test_who_may_not_upload(
    technician: Any, study: Any, jpeg: bytes, who: str, request: pytest.FixtureRequest
) -> None:
    actor = request.getfixturevalue(who)
    with pytest.raises((Forbidden, NotFound)):
        services.ingest(actor=actor, study_id=study.pk, data=jpeg)
    assert nothing_stored(technician)


def test_a_lesion_of_another_patient_is_not_found(technician: Any, study: Any, jpeg: bytes) -> None:
    lesion = factories.lesion(technician, factories.patient(technician))
    with pytest.raises(NotFound):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg, lesion_id=lesion.pk)
    assert nothing_stored(technician)


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


def test_a_uid_with_other_content_is_refused(technician: Any, study: Any, drawing: Any) -> None:
    services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing))
    altered = draw(replace(SPEC, lesion=None), seed=1)
    with pytest.raises(services.UploadRefused) as refused:
        services.ingest(actor=technician, study_id=study.pk, data=dicom(altered))
    assert refused.value.extra["code"] == "uid-taken"
    assert len(rows(technician, Instance)) == 1


def test_a_held_object_that_was_filed_meanwhile_stays_held(
    technician: Any, held: Quarantine, drawing: Any
) -> None:
    right = factories.study(technician, factories.patient(technician, mrn="D-2", given_name="Jo"))
    services.ingest(actor=technician, study_id=right.pk, data=dicom(drawing, mrn="D-2"))
    with pytest.raises(Conflict, match="on record already"):
        resolve(technician, held)
    assert rows(technician, Quarantine)[0].resolution == "open"
    assert not rows(technician, Rejection)


def test_what_another_upload_did_meanwhile_is_seen(
    technician: Any, study: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes come for another patient between the first look and the lock."""
    other = factories.study(technician, factories.patient(technician))
    real = ingest_module._quality
    monkeypatch.setattr(ingest_module, "_quality", lambda admitted: meanwhile(admitted))

    def meanwhile(admitted: Any) -> Any:
        monkeypatch.setattr(ingest_module, "_quality", real)
        services.ingest(actor=technician, study_id=other.pk, data=jpeg)
        return real(admitted)

    with pytest.raises(services.Quarantined):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    assert [each.patient_id for each in rows(technician, Instance)] == [other.patient_id]


def test_a_file_too_large_to_be_read_leaves_its_rejection(technician: Any, study: Any) -> None:
    error = services.refuse_unread(actor=technician, study_id=study.pk, size=80_000_000)
    (rejection,) = rows(technician, Rejection)
    assert (rejection.code, rejection.size) == ("too-large", 80_000_000)
    assert error.extra["rejection"] == str(rejection.pk)
    assert "64" in rejection.reason


def test_a_step_that_fails_takes_the_image_with_it(
    technician: Any, study: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(steps, "on_admitted", [fail])
    with pytest.raises(RuntimeError):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    assert not rows(technician, Instance)
    assert not rows(technician, Event, action="image.admitted")


def test_a_misfiled_image_moves_with_its_bytes(
    technician: Any, study: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(steps, "on_moved", [lambda *call: seen.append(call)])
    before = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    target = factories.study(technician, factories.patient(technician))
    moved = services.move_instance(
        actor=technician, instance_id=before.pk, study_id=target.pk, reason="wrong folder"
    )
    assert (moved.patient_id, moved.study_id) == (target.patient_id, target.pk)
    assert moved.image_name != before.image_name, "patients never share an object"
    assert vault().get(moved.image_name) == vault().get(before.image_name)
    assert [(call[1].pk, call[2]) for call in seen] == [(before.pk, study.patient_id)]
    patients = {e.patient_id for e in rows(technician, Event, action="image.moved")}
    assert patients == {study.patient_id, target.patient_id}
    with clinic_context(technician.clinic_id):
        assert before.image_name not in selectors.stored_names()


def test_a_move_needs_a_reason_and_a_patient_who_agreed(
    technician: Any, study: Any, jpeg: bytes
) -> None:
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    silent = factories.study(technician, factories.patient(technician, consent=False))
    for target, reason, error in ((study, " ", Invalid), (silent, "x", Conflict)):
        with pytest.raises(error):
            services.move_instance(
                actor=technician, instance_id=instance.pk, study_id=target.pk, reason=reason
            )
    assert rows(technician, Instance)[0].patient_id == study.patient_id


def test_assigning_a_lesion(technician: Any, study: Any, jpeg: bytes) -> None:
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    lesion = factories.lesion(technician, study.patient)
    services.assign_lesion(actor=technician, instance_id=instance.pk, lesion_id=lesion.pk)
    assert rows(technician, Instance)[0].lesion_id == lesion.pk
    other = factories.lesion(technician, factories.patient(technician))
    with pytest.raises(NotFound):
        services.assign_lesion(actor=technician, instance_id=instance.pk, lesion_id=other.pk)
    assert rows(technician, Instance)[0].lesion_id == lesion.pk


def test_looking_at_an_image_is_audited(
    technician: Any, stranger: Any, study: Any, jpeg: bytes
) -> None:
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    shown = selectors.rendition(actor=technician, instance_id=instance.pk, which="thumbnail")
    assert shown.media_type == "image/jpeg"
    (event,) = rows(technician, Event, action="image.viewed")
    assert event.detail == {"rendition": "thumbnail"}
    with pytest.raises(NotFound):
        selectors.rendition(actor=stranger, instance_id=instance.pk, which="image")
    with pytest.raises(NotFound):
        selectors.rendition(actor=technician, instance_id=instance.pk, which="../../etc/passwd")


def test_a_visit_lists_what_came_and_what_was_refused(
    technician: Any, study: Any, jpeg: bytes
) -> None:
    services.ingest(actor=technician, study_id=study.pk, data=jpeg)
    with pytest.raises(services.UploadRefused):
        services.ingest(actor=technician, study_id=study.pk, data=b"x")
    seen = selectors.visit(actor=technician, study_id=study.pk)
    assert (len(seen.instances), len(seen.rejections), seen.held) == (1, 1, [])
    assert rows(technician, Event, action="study.viewed")


def test_a_visit_in_the_future_is_refused(technician: Any, patient: Any) -> None:
    with pytest.raises(Invalid):
        factories.study(technician, patient, acquired_at=timezone.now() + timedelta(hours=1))
