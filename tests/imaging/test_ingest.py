"""The one door: what is admitted is whole, what is refused leaves a reason and nothing else."""

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError

from demo.dermoscopy import draw
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, NotFound
from imaging import services, steps
from imaging.models import Instance, Rejection
from imaging.storage import vault
from patients.services import record_consents
from tests import factories
from tests.imaging.taking import SPEC, dicom, nothing_stored, rows

# `imaging.services.ingest` is the function; its module is found by name.
ingest_module = import_module("imaging.services.ingest")


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


def test_a_uid_with_other_content_is_refused(technician: Any, study: Any, drawing: Any) -> None:
    services.ingest(actor=technician, study_id=study.pk, data=dicom(drawing))
    altered = draw(replace(SPEC, lesion=None), seed=1)
    with pytest.raises(services.UploadRefused) as refused:
        services.ingest(actor=technician, study_id=study.pk, data=dicom(altered))
    assert refused.value.extra["code"] == "uid-taken"
    assert len(rows(technician, Instance)) == 1


def test_what_another_upload_did_meanwhile_is_seen(
    technician: Any, study: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes come for another patient between the first look and the lock."""
    other = factories.study(technician, factories.patient(technician))
    real = ingest_module._seal
    monkeypatch.setattr(ingest_module, "_seal", lambda *what: meanwhile(*what))

    def meanwhile(*what: Any) -> Any:
        monkeypatch.setattr(ingest_module, "_seal", real)
        services.ingest(actor=technician, study_id=other.pk, data=jpeg)
        return real(*what)

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
