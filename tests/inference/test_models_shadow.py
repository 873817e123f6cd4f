"""A model in the shadow reads the same images behind everyone else, and is shown to nobody."""

from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, NotFound
from imaging.services import move_instance
from inference import selectors
from inference.models import ModelChange, ModelVersion, Prediction
from inference.services import models, queue, requests, shadow
from patients.models import Purpose
from patients.services import record_consents
from tests import factories, opinions
from tests.database import acting_as


@pytest.fixture
def active(db: None) -> ModelVersion:
    return opinions.model("active")


@pytest.fixture
def beside(active: ModelVersion, administrator: Any) -> ModelVersion:
    model = opinions.model("shadow", active=False)
    return shadow.start(actor=administrator, model_id=model.pk)


def shadows(actor: Any, **lookup: Any) -> list[Prediction]:
    with clinic_context(actor.clinic_id):
        return list(Prediction.shadows.filter(**lookup).order_by("requested_at"))


def events(actor: Any, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def test_an_image_is_read_by_both(
    technician: Any, active: ModelVersion, beside: ModelVersion
) -> None:
    image = opinions.admit(technician)
    (opinion,) = opinions.predictions(technician)
    (other,) = shadows(technician)
    assert (opinion.model_version_id, opinion.shadow) == (active.pk, False)
    assert (other.model_version_id, other.shadow, other.rerun) == (beside.pk, True, 0)
    assert (other.instance_id, other.status) == (image.pk, "queued")
    (event,) = events(technician, "prediction.shadow_requested")
    assert (event.object_id, event.patient_id) == (str(other.pk), image.patient_id)
    with clinic_context(technician.clinic_id):
        requests.request_for(technician, image)
    assert len(shadows(technician)) == 1


def test_it_is_no_opinion(technician: Any, doctor: Any, beside: ModelVersion) -> None:
    image = opinions.admit(technician)
    (opinion,) = opinions.predictions(technician)
    (other,) = shadows(technician)
    with clinic_context(doctor.clinic_id):
        assert list(image.predictions.all()) == [opinion]
        assert selectors.newest(doctor, [image.pk]) == {image.pk: opinion}
        with pytest.raises(NotFound):
            selectors.find(doctor, other.pk)
    with pytest.raises(NotFound):
        requests.rerun(actor=doctor, prediction_id=other.pk)
    assert len(opinions.predictions(technician)) == 1


def test_who_opted_out_is_read_by_neither(technician: Any, beside: ModelVersion) -> None:
    patient = factories.patient(technician)
    record_consents(actor=technician, patient_id=patient.pk, decisions={Purpose.AI_OPINION: False})
    opinions.admit(technician, patient)
    assert shadows(technician) == []


def test_another_modality_has_no_shadow_here(technician: Any, active: ModelVersion) -> None:
    with acting_as("owner"):
        other = opinions.model("clinical", active=False, modality="clinical")
        shadow.start_as_owner(model_id=other.pk)
    opinions.admit(technician)
    assert len(opinions.predictions(technician)) == 1
    assert shadows(technician) == []


def test_it_waits_while_anybody_waits(
    technician: Any, stranger: Any, active: ModelVersion, beside: ModelVersion
) -> None:
    """Another clinic's, too: one worker reads for all of them."""
    opinions.admit(technician, seed=1)
    opinions.admit(technician, seed=2)
    opinions.admit(stranger, seed=3)
    with opinions.as_worker():
        assert queue.waiting_models() == [active, beside]
        assert queue.claim(model=beside, limit=16) is None
        lease = queue.claim(model=active, limit=16)
        assert lease is not None and len(lease.rows) == 3
        one = queue.claim(model=beside, limit=16)
    assert one is not None and len(one.rows) == 1, "so that the next image waits for no batch"


def test_a_new_opinion_is_asked_of_both(technician: Any, doctor: Any, beside: ModelVersion) -> None:
    opinions.admit(technician)
    opinions.change(technician, status="failed", error="It failed.")
    (first,) = opinions.predictions(technician)
    again = requests.rerun(actor=doctor, prediction_id=first.pk)
    assert [row.rerun for row in shadows(technician)] == [0, again.rerun] == [0, 1]


def test_a_shadow_that_waits_keeps_nobody_from_asking(
    technician: Any, doctor: Any, beside: ModelVersion
) -> None:
    opinions.admit(technician)
    with clinic_context(technician.clinic_id), acting_as("worker"):
        Prediction.objects.update(status="failed", error="It failed.")
    (first,) = opinions.predictions(technician)
    assert requests.rerun(actor=doctor, prediction_id=first.pk).rerun == 1


def test_a_moved_image_is_read_anew(technician: Any, beside: ModelVersion) -> None:
    image = opinions.admit(technician)
    elsewhere = factories.study(technician, factories.patient(technician))
    move_instance(
        actor=technician, instance_id=image.pk, study_id=elsewhere.pk, reason="Wrong patient."
    )
    assert [(row.rerun, row.status) for row in shadows(technician)] == [
        (0, "superseded"),
        (1, "queued"),
    ]


def test_what_waits_is_withdrawn_when_it_stops(
    technician: Any, stranger: Any, administrator: Any, beside: ModelVersion
) -> None:
    for actor in (technician, stranger):
        opinions.admit(actor)
    shadow.stop(actor=administrator, model_id=beside.pk)
    for actor in (technician, stranger):
        assert [row.status for row in shadows(actor)] == ["superseded"]
        assert [row.status for row in opinions.predictions(actor)] == ["queued"]
        assert len(events(actor, "model.unshadowed")) == 1
    opinions.admit(technician, seed=9)
    assert len(shadows(technician)) == 1
    with pytest.raises(Conflict):
        shadow.stop(actor=administrator, model_id=beside.pk)


def test_there_is_one_shadow_a_modality(
    administrator: Any, active: ModelVersion, beside: ModelVersion
) -> None:
    newer = opinions.model("newer", active=False)
    shadow.start(actor=administrator, model_id=newer.pk)
    assert list(ModelVersion.objects.filter(shadow=True)) == [newer]
    with pytest.raises(Conflict, match="its own shadow"):
        shadow.start(actor=administrator, model_id=active.pk)
    kept = ModelChange.objects.order_by("pk").values_list("action", "model__version")
    assert list(kept) == [("shadowed", "shadow"), ("unshadowed", "shadow"), ("shadowed", "newer")]


def test_a_shadow_that_is_activated_steps_out(
    technician: Any, administrator: Any, beside: ModelVersion
) -> None:
    image = opinions.admit(technician)
    models.activate(actor=administrator, model_id=beside.pk)
    chosen = ModelVersion.objects.get(pk=beside.pk)
    assert (chosen.active, chosen.shadow) == (True, False)
    assert [row.status for row in shadows(technician)] == ["superseded"]
    with clinic_context(technician.clinic_id):
        own = requests.request_for(technician, image)
    assert own is not None
    assert (own.model_version_id, own.shadow, own.status) == (beside.pk, False, "queued")


@pytest.mark.parametrize("role", ["doctor", "technician"])
def test_nobody_else_starts_or_stops_one(request: Any, beside: ModelVersion, role: str) -> None:
    actor = request.getfixturevalue(role)
    other = opinions.model("other", active=False)
    with pytest.raises(Forbidden):
        shadow.start(actor=actor, model_id=other.pk)
    with pytest.raises(Forbidden):
        shadow.stop(actor=actor, model_id=beside.pk)
    assert list(ModelVersion.objects.filter(shadow=True)) == [beside]


def test_web_cannot_make_a_shadow_an_opinion(technician: Any, beside: ModelVersion) -> None:
    opinions.admit(technician)
    with (
        clinic_context(technician.clinic_id),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE inference_prediction SET shadow = false")
