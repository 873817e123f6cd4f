"""Visits, and images that are looked at, assigned to a lesion or moved."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Invalid, NotFound
from imaging import selectors, services, steps
from imaging.models import Instance
from imaging.storage import vault
from tests import factories
from tests.imaging.taking import rows


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
