"""How an image was taken: what the file says, what the sender says, and putting it right."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, Invalid, NotFound
from imaging import formats, services, steps
from imaging.models import Instance, Quarantine
from imaging.services.modality import told_by
from tests.imaging import dicoms
from tests.imaging.taking import dicom, nothing_stored, rows

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.mark.parametrize(
    ("sop_class", "attribute", "kind"),
    [
        (dicoms.DERMOSCOPY, "XC", "dermoscopy"),
        (dicoms.PHOTOGRAPH, "XC", "clinical"),
        (dicoms.PHOTOGRAPH, "DMS", "dermoscopy"),
        (dicoms.CAPTURE, "OT", "dermoscopy"),
        (dicoms.CAPTURE, "US", "other"),
        (ULTRASOUND, None, "other"),
    ],
)
def test_a_dicom_file_says_it(sop_class: str, attribute: str | None, kind: str) -> None:
    made = dicoms.dataset(SOPClassUID=sop_class, Modality=attribute)
    assert told_by(formats.admit(dicoms.written(made)).dicom) == kind


def test_a_jpeg_is_dermoscopy_unless_the_sender_says_otherwise(
    technician: Any, study: Any, jpeg: bytes, drawing: Any
) -> None:
    plain = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    assert plain.modality == "dermoscopy"
    said = services.ingest(
        actor=technician, study_id=study.pk, data=dicom(drawing), modality="clinical"
    ).instance
    assert said.modality == "clinical", "the sender's word counts more than the file's"


def test_a_kind_that_is_not_known_is_refused(technician: Any, study: Any, jpeg: bytes) -> None:
    with pytest.raises(Invalid):
        services.ingest(actor=technician, study_id=study.pk, data=jpeg, modality="palmistry")
    assert nothing_stored(technician)


def test_a_held_image_keeps_what_its_sender_said(technician: Any, study: Any, drawing: Any) -> None:
    with pytest.raises(services.Quarantined):
        services.ingest(
            actor=technician,
            study_id=study.pk,
            data=dicom(drawing, mrn="D-2"),
            modality="clinical",
        )
    (held,) = rows(technician, Quarantine)
    services.resolve_quarantine(
        actor=technician,
        quarantine_id=held.pk,
        accept=True,
        identifiers={"mrn": "D-1", "birth_date": "1970-01-01"},
        reason="Confirmed.",
    )
    assert [row.modality for row in rows(technician, Instance)] == ["clinical"]


def test_correcting_it_takes_the_steps_of_a_move(
    technician: Any, study: Any, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(steps, "on_moved", [lambda *call: seen.append(call)])
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    for _ in range(2):  # the second time there is nothing to correct
        services.correct_modality(actor=technician, instance_id=instance.pk, modality="clinical")
    assert rows(technician, Instance)[0].modality == "clinical"
    assert [(call[1].pk, call[2]) for call in seen] == [(instance.pk, study.patient_id)]
    (event,) = rows(technician, Event, action="image.kind_corrected")
    assert event.detail == {"from": "dermoscopy", "to": "clinical"}
    assert (event.object_id, event.patient_id) == (str(instance.pk), study.patient_id)


def test_who_may_not_correct_it(
    technician: Any, administrator: Any, stranger: Any, study: Any, jpeg: bytes
) -> None:
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    for actor, kind, error in (
        (administrator, "clinical", Forbidden),
        (stranger, "clinical", NotFound),
        (technician, "palmistry", Invalid),
        (technician, "", Invalid),
    ):
        with pytest.raises(error):
            services.correct_modality(actor=actor, instance_id=instance.pk, modality=kind)
    assert rows(technician, Instance)[0].modality == "dermoscopy"
    assert rows(technician, Event, action="image.kind_corrected") == []


def test_the_database_knows_the_kinds_and_lets_nothing_else_be_exchanged(
    technician: Any, study: Any, jpeg: bytes
) -> None:
    instance = services.ingest(actor=technician, study_id=study.pk, data=jpeg).instance
    for change, error in (
        ({"modality": "palmistry"}, IntegrityError),
        ({"sha256": "0" * 64}, DatabaseError),
    ):
        with (
            clinic_context(technician.clinic_id),
            pytest.raises(error, match=r"instance_modality_is_known|may change"),
            transaction.atomic(),
        ):
            Instance.objects.filter(pk=instance.pk).update(**change)
    (after,) = rows(technician, Instance)
    assert (after.modality, after.sha256) == ("dermoscopy", instance.sha256)
