"""Asking for an opinion: only with consent and a model, once, numbered, and anew after a move."""

from typing import Any
from unittest import mock

import pytest

from dermaclinic import bell
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, NotFound, Unavailable
from imaging.services import assign_lesion, move_instance
from inference.models import ModelVersion, Prediction, Status
from inference.services import models, requests
from patients.models import Purpose
from patients.services import record_consents
from tests import factories, opinions


@pytest.fixture(autouse=True)
def model(db: None) -> ModelVersion:
    return opinions.model()


def events(actor: Any, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def finish(actor: Any, status: str = "failed") -> None:
    opinions.change(actor, status=status, error="It failed.")


def test_an_admitted_image_asks_for_its_opinion(
    technician: Any, model: ModelVersion, django_capture_on_commit_callbacks: Any
) -> None:
    with (
        mock.patch.object(bell, "ring_now") as ring,
        django_capture_on_commit_callbacks(execute=True),
    ):
        instance = opinions.admit(technician)
    (row,) = opinions.predictions(technician)
    assert (row.instance_id, row.model_version_id, row.rerun) == (instance.pk, model.pk, 0)
    assert (row.status, row.requested_by_id) == (Status.QUEUED, technician.user.pk)
    ring.assert_called_once_with(bell.INFERENCE)
    (event,) = events(technician, "prediction.requested")
    assert (event.object_id, event.patient_id) == (str(row.pk), instance.patient_id)


def test_asking_twice_is_asking_once(technician: Any) -> None:
    instance = opinions.admit(technician)
    with clinic_context(technician.clinic_id):
        again = requests.request_for(technician, instance)
    assert [row.pk for row in opinions.predictions(technician)] == [again and again.pk]
    assert len(events(technician, "prediction.requested")) == 1


def test_who_opted_out_is_not_asked_about(technician: Any) -> None:
    patient = factories.patient(technician)
    record_consents(actor=technician, patient_id=patient.pk, decisions={Purpose.AI_OPINION: False})
    opinions.admit(technician, patient)
    assert opinions.predictions(technician) == []
    assert events(technician, "prediction.requested") == []


def test_who_was_never_asked_has_not_agreed(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    record_consents(actor=technician, patient_id=patient.pk, decisions={Purpose.CARE: True})
    opinions.admit(technician, patient)
    assert opinions.predictions(technician) == []


def test_without_a_model_there_is_no_answer(technician: Any, model: ModelVersion) -> None:
    ModelVersion.objects.update(active=False)
    opinions.admit(technician)
    assert opinions.predictions(technician) == []


def test_a_rerun_is_numbered(technician: Any, doctor: Any) -> None:
    opinions.admit(technician)
    finish(technician)
    (first,) = opinions.predictions(technician)
    second = requests.rerun(actor=doctor, prediction_id=first.pk)
    assert (second.rerun, second.status, second.instance_id) == (1, "queued", first.instance_id)
    assert second.requested_by_id == doctor.user.pk
    assert events(doctor, "prediction.requested")[-1].detail["rerun"] == 1


def test_a_rerun_asks_the_model_that_is_active_now(
    technician: Any, doctor: Any, administrator: Any
) -> None:
    opinions.admit(technician)
    finish(technician)
    newer = opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=newer.pk)
    (first,) = opinions.predictions(technician)
    assert requests.rerun(actor=doctor, prediction_id=first.pk).model_version_id == newer.pk


@pytest.mark.parametrize("status", ["queued", "running"])
def test_no_rerun_while_one_is_pending(technician: Any, doctor: Any, status: str) -> None:
    opinions.admit(technician)
    (row,) = opinions.predictions(technician)
    if status == "running":
        opinions.change(
            technician, status=status, lease_token=row.pk, lease_expires_at=row.requested_at
        )
    with pytest.raises(Conflict):
        requests.rerun(actor=doctor, prediction_id=row.pk)
    assert len(opinions.predictions(technician)) == 1


def test_no_rerun_against_the_patients_will(technician: Any, doctor: Any) -> None:
    instance = opinions.admit(technician)
    finish(technician)
    (row,) = opinions.predictions(technician)
    record_consents(
        actor=doctor, patient_id=instance.patient_id, decisions={Purpose.AI_OPINION: False}
    )
    with pytest.raises(Conflict):
        requests.rerun(actor=doctor, prediction_id=row.pk)
    assert len(opinions.predictions(technician)) == 1


def test_no_rerun_without_a_model(technician: Any, doctor: Any) -> None:
    opinions.admit(technician)
    finish(technician)
    ModelVersion.objects.update(active=False)
    (row,) = opinions.predictions(technician)
    with pytest.raises(Unavailable):
        requests.rerun(actor=doctor, prediction_id=row.pk)
    assert len(opinions.predictions(technician)) == 1


def test_a_technician_asks_for_no_rerun(technician: Any) -> None:
    opinions.admit(technician)
    finish(technician)
    (row,) = opinions.predictions(technician)
    with pytest.raises(Forbidden):
        requests.rerun(actor=technician, prediction_id=row.pk)
    assert len(opinions.predictions(technician)) == 1


def test_another_clinic_sees_nothing_to_rerun(technician: Any, stranger: Any) -> None:
    opinions.admit(technician)
    finish(technician)
    (row,) = opinions.predictions(technician)
    with pytest.raises(NotFound):
        requests.rerun(actor=stranger, prediction_id=row.pk)
    assert len(opinions.predictions(technician)) == 1


@pytest.mark.parametrize("role", ["technician", "doctor"])
def test_a_first_opinion_can_be_asked_for_once_a_model_is_active(
    request: Any, technician: Any, model: ModelVersion, role: str
) -> None:
    actor = request.getfixturevalue(role)
    ModelVersion.objects.update(active=False)
    instance = opinions.admit(technician)
    ModelVersion.objects.update(active=True)
    asked = requests.request_first(actor=actor, instance_id=instance.pk)
    (row,) = opinions.predictions(technician)
    assert (row.pk, row.status, row.rerun) == (asked.pk, Status.QUEUED, 0)
    assert (row.instance_id, row.model_version_id) == (instance.pk, model.pk)
    assert row.requested_by_id == actor.user.pk
    (event,) = events(actor, "prediction.requested")
    assert (event.object_id, event.patient_id) == (str(row.pk), instance.patient_id)


def test_a_first_opinion_can_be_asked_for_once_the_patient_agrees(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    record_consents(actor=technician, patient_id=patient.pk, decisions={Purpose.CARE: True})
    instance = opinions.admit(technician, patient)
    with pytest.raises(Conflict):
        requests.request_first(actor=technician, instance_id=instance.pk)
    assert opinions.predictions(technician) == []
    record_consents(actor=technician, patient_id=patient.pk, decisions={Purpose.AI_OPINION: True})
    requests.request_first(actor=technician, instance_id=instance.pk)
    assert [row.status for row in opinions.predictions(technician)] == [Status.QUEUED]


def test_no_first_opinion_without_a_model(technician: Any) -> None:
    ModelVersion.objects.update(active=False)
    instance = opinions.admit(technician)
    with pytest.raises(Unavailable):
        requests.request_first(actor=technician, instance_id=instance.pk)
    assert opinions.predictions(technician) == []
    assert events(technician, "prediction.requested") == []


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_there_is_one_first_opinion(technician: Any, doctor: Any, status: str) -> None:
    instance = opinions.admit(technician)
    finish(technician, status)
    for actor in (technician, doctor):
        with pytest.raises(Conflict):
            requests.request_first(actor=actor, instance_id=instance.pk)
    assert len(opinions.predictions(technician)) == 1


def test_nobody_else_asks_for_a_first_opinion(
    technician: Any, administrator: Any, stranger: Any
) -> None:
    ModelVersion.objects.update(active=False)
    instance = opinions.admit(technician)
    ModelVersion.objects.update(active=True)
    with pytest.raises(Forbidden):
        requests.request_first(actor=administrator, instance_id=instance.pk)
    with pytest.raises(NotFound):
        requests.request_first(actor=stranger, instance_id=instance.pk)
    assert opinions.predictions(technician) == []


def test_a_moved_image_is_asked_about_again(technician: Any) -> None:
    instance = opinions.admit(technician)
    other = factories.study(technician, factories.patient(technician))
    moved = move_instance(
        actor=technician, instance_id=instance.pk, study_id=other.pk, reason="Wrong patient."
    )
    old, new = opinions.predictions(technician)
    assert (old.status, old.lease_token) == (Status.SUPERSEDED, None)
    assert (new.status, new.rerun) == (Status.QUEUED, 1)
    assert events(technician, "prediction.requested")[-1].patient_id == moved.patient_id


def test_a_final_opinion_stays_when_its_image_moves(technician: Any) -> None:
    instance = opinions.admit(technician)
    finish(technician)
    other = factories.study(technician, factories.patient(technician))
    move_instance(
        actor=technician, instance_id=instance.pk, study_id=other.pk, reason="Wrong patient."
    )
    assert [row.status for row in opinions.predictions(technician)] == ["failed", "queued"]


def test_an_opinion_does_not_follow_its_image_to_someone_who_opted_out(technician: Any) -> None:
    instance = opinions.admit(technician)
    finish(technician)
    unwilling = factories.patient(technician, consent=False)
    record_consents(actor=technician, patient_id=unwilling.pk, decisions={Purpose.CARE: True})
    move_instance(
        actor=technician,
        instance_id=instance.pk,
        study_id=factories.study(technician, unwilling).pk,
        reason="Wrong patient.",
    )
    old, new = opinions.predictions(technician)
    assert old.status == Status.FAILED
    assert (new.status, new.declined_reason) == (Status.DECLINED, str(requests.NO_CONSENT))
    assert events(technician, "prediction.declined")[-1].patient_id == unwilling.pk


def test_a_newly_known_body_site_asks_again(technician: Any) -> None:
    patient = factories.patient(technician)
    instance = opinions.admit(technician, patient)
    lesion = factories.lesion(technician, patient)
    assign_lesion(actor=technician, instance_id=instance.pk, lesion_id=lesion.pk)
    assert [row.status for row in opinions.predictions(technician)] == ["superseded", "queued"]


def test_the_same_work_is_refused_by_the_database(technician: Any) -> None:
    from django.db import IntegrityError, transaction

    opinions.admit(technician)
    (row,) = opinions.predictions(technician)
    with (
        clinic_context(technician.clinic_id),
        pytest.raises(IntegrityError, match="same_work_once"),
        transaction.atomic(),
    ):
        Prediction.objects.create(
            clinic_id=row.clinic_id,
            instance_id=row.instance_id,
            model_version_id=row.model_version_id,
        )
