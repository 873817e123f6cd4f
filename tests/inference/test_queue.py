"""Claims and leases: nobody runs a row twice, a lost lease writes nothing, no row is lost."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import InternalError
from django.utils import timezone

from dermaclinic.accounts.tenancy import NoClinicContext, clinic_context
from dermaclinic.audit.models import Event
from imaging.services import move_instance
from inference.models import ModelVersion, Status
from inference.services import cases, queue
from inference.services.record import Outcome, declined, failed, record, try_again
from patients.models import Purpose
from patients.services import record_consents
from tests import factories, opinions
from tests.opinions import as_worker


@pytest.fixture
def model(db: None) -> ModelVersion:
    return opinions.model()


def admit_some(actor: Any, count: int) -> list[uuid.UUID]:
    """The ids of so many queued rows, oldest first."""
    patient = factories.patient(actor)
    for seed in range(count):
        opinions.admit(actor, patient, seed=seed)
    return [row.pk for row in opinions.predictions(actor)]


def claim(model: ModelVersion, limit: int = 16, **options: Any) -> queue.Lease:
    with as_worker():
        lease = queue.claim(model=model, limit=limit, **options)
    assert lease is not None
    return lease


def expire(actor: Any) -> None:
    opinions.change(actor, lease_expires_at=timezone.now() - timedelta(seconds=1))


def ready(job: cases.Job) -> Outcome:
    return Outcome(
        job,
        Status.READY,
        malignant_probability=0.25,
        triage="routine",
        result={"differential": []},
        saliency=b"\x00\xff\x10\x20",
        saliency_shape=(2, 2),
    )


def answer(lease: queue.Lease, make: Any = ready) -> int:
    with as_worker():
        return record(token=lease.token, outcomes=[make(job) for job in cases.jobs(lease)])


def actions(actor: Any) -> list[str]:
    with clinic_context(actor.clinic_id):
        events = Event.objects.filter(action__startswith="prediction.").order_by("id")
        return list(events.values_list("action", flat=True))


def test_a_claim_takes_the_oldest_and_counts_the_attempt(
    technician: Any, model: ModelVersion
) -> None:
    ids = admit_some(technician, 3)
    lease = claim(model, 2)
    assert {row.id for row in lease.rows} == set(ids[:2])
    assert {(row.clinic_id, row.attempts) for row in lease.rows} == {(technician.clinic_id, 1)}
    rows = opinions.predictions(technician)
    assert [row.status for row in rows] == ["running", "running", "queued"]
    assert {row.lease_token for row in rows[:2]} == {lease.token}
    expected = timezone.now() + timedelta(seconds=120)
    assert abs(rows[0].lease_expires_at - expected) < timedelta(seconds=10)


def test_an_empty_queue_gives_no_lease(technician: Any, model: ModelVersion) -> None:
    with as_worker():
        assert queue.claim(model=model, limit=16) is None
        assert queue.waiting_models() == []


def test_a_claim_is_of_one_model_and_every_clinic(
    technician: Any, stranger: Any, model: ModelVersion
) -> None:
    opinions.admit(technician)
    opinions.admit(stranger)
    ModelVersion.objects.update(active=False)
    newer = opinions.model("2")
    opinions.admit(technician, seed=2)
    with as_worker():
        assert queue.waiting_models() == [newer, model]
    lease = claim(model)
    assert {row.clinic_id for row in lease.rows} == {technician.clinic_id, stranger.clinic_id}
    assert len(lease.rows) == 2
    assert len(claim(newer).rows) == 1


def test_the_web_role_sees_no_queue_across_clinics(technician: Any, model: ModelVersion) -> None:
    opinions.admit(technician)
    with pytest.raises(NoClinicContext):
        queue.claim(model=model, limit=1)
    assert [row.status for row in opinions.predictions(technician)] == ["queued"]


def test_results_are_written_with_their_events(
    technician: Any, stranger: Any, model: ModelVersion
) -> None:
    admit_some(technician, 2)
    opinions.admit(stranger)
    assert answer(claim(model)) == 3
    for actor, count in ((technician, 2), (stranger, 1)):
        rows = opinions.predictions(actor)
        assert [row.status for row in rows] == ["ready"] * count
        assert bytes(rows[0].saliency) == b"\x00\xff\x10\x20"
        assert rows[0].saliency_shape == [2, 2]
        assert rows[0].finished_at >= rows[0].started_at
        assert rows[0].lease_token is None
        assert actions(actor).count("prediction.ready") == count
    with clinic_context(stranger.clinic_id):
        event = Event.objects.get(action="prediction.ready")
    (row,) = opinions.predictions(stranger)
    assert (event.object_id, event.patient_id) == (str(row.pk), row.instance.patient_id)
    assert (event.role, event.actor_id) == ("system", None)


def test_each_ending_is_written(technician: Any, model: ModelVersion) -> None:
    admit_some(technician, 3)
    lease = claim(model)
    endings = iter([ready, lambda job: declined(job, "Out of focus."), lambda j: failed(j, "No.")])
    assert answer(lease, lambda job: next(endings)(job)) == 3
    rows = {row.status: row for row in opinions.predictions(technician)}
    assert rows["declined"].declined_reason == "Out of focus."
    assert rows["failed"].error == "No."
    assert sorted(actions(technician)[3:]) == [
        "prediction.declined",
        "prediction.failed",
        "prediction.ready",
    ]


@pytest.mark.parametrize("loss", ["expired", "taken over", "superseded", "released"])
def test_a_lost_lease_writes_nothing(technician: Any, model: ModelVersion, loss: str) -> None:
    instance = opinions.admit(technician)
    lease = claim(model)
    with as_worker():
        jobs = cases.jobs(lease)
    if loss == "expired":
        expire(technician)
    elif loss == "taken over":
        expire(technician)
        with as_worker():
            queue.sweep()
        claim(model, suspects=True)
    elif loss == "superseded":
        other = factories.study(technician, factories.patient(technician))
        move_instance(
            actor=technician, instance_id=instance.pk, study_id=other.pk, reason="Misfiled."
        )
    else:
        with as_worker():
            queue.release(lease)
    before = [(row.status, row.result) for row in opinions.predictions(technician)]
    with as_worker():
        assert record(token=lease.token, outcomes=[ready(job) for job in jobs]) == 0
    assert [(row.status, row.result) for row in opinions.predictions(technician)] == before
    assert "prediction.ready" not in actions(technician)


def test_a_result_is_written_once(technician: Any, model: ModelVersion) -> None:
    opinions.admit(technician)
    lease = claim(model)
    with as_worker():
        outcomes = [ready(job) for job in cases.jobs(lease)]
        assert record(token=lease.token, outcomes=outcomes) == 1
        assert record(token=lease.token, outcomes=outcomes) == 0
    assert actions(technician).count("prediction.ready") == 1


def test_a_lease_can_be_renewed_until_it_ends(technician: Any, model: ModelVersion) -> None:
    opinions.admit(technician)
    lease = claim(model)
    opinions.change(technician, lease_expires_at=timezone.now() + timedelta(seconds=5))
    with as_worker():
        assert queue.renew(lease) == 1
    (row,) = opinions.predictions(technician)
    assert row.lease_expires_at > timezone.now() + timedelta(seconds=60)
    expire(technician)
    with as_worker():
        assert queue.renew(lease) == 0
    assert opinions.predictions(technician)[0].lease_expires_at < timezone.now()


def test_what_is_released_counts_as_never_claimed(technician: Any, model: ModelVersion) -> None:
    admit_some(technician, 2)
    lease = claim(model)
    with as_worker():
        assert queue.release(lease) == 2
    rows = opinions.predictions(technician)
    assert {(row.status, row.attempts, row.lease_token) for row in rows} == {("queued", 0, None)}
    assert len(claim(model).rows) == 2


def test_the_sweep_queues_what_a_dead_worker_left(technician: Any, model: ModelVersion) -> None:
    admit_some(technician, 2)
    claim(model, 1)
    with as_worker():
        assert queue.sweep() == queue.Swept(requeued=0, failed=0, queued=1)
    expire(technician)
    with as_worker():
        assert queue.sweep() == queue.Swept(requeued=1, failed=0, queued=2)
    rows = opinions.predictions(technician)
    assert {(row.status, row.attempts) for row in rows} == {("queued", 1), ("queued", 0)}


def test_suspects_run_alone(technician: Any, model: ModelVersion) -> None:
    ids = admit_some(technician, 3)
    claim(model, 2)
    expire(technician)
    with as_worker():
        queue.sweep()
    assert [row.id for row in claim(model, 16).rows] == ids[2:]
    assert [row.id for row in claim(model, 1, suspects=True).rows] == ids[:1]


def test_the_last_attempt_fails_with_a_sentence(technician: Any, model: ModelVersion) -> None:
    opinions.admit(technician)
    for attempt in range(1, 4):
        assert claim(model, suspects=attempt > 1).rows[0].attempts == attempt
        expire(technician)
        with as_worker():
            swept = queue.sweep()
    assert swept == queue.Swept(requeued=0, failed=1, queued=0)
    (row,) = opinions.predictions(technician)
    assert (row.status, row.attempts, row.lease_token) == ("failed", 3, None)
    assert row.error == "The worker stopped each of 3 times while it read this image."
    assert actions(technician)[-1] == "prediction.failed"


def test_an_attempt_that_can_be_repeated_keeps_its_error(
    technician: Any, model: ModelVersion
) -> None:
    opinions.admit(technician)
    for attempt in range(1, 4):
        lease = claim(model, suspects=attempt > 1)
        assert answer(lease, lambda job: try_again(job, "The disk is away.")) == 1
        (row,) = opinions.predictions(technician)
        assert row.status == ("failed" if attempt == 3 else "running")
        assert row.error == "The disk is away."
        assert (row.finished_at is None) == (attempt < 3)
        if attempt < 3:
            expire(technician)
            with as_worker():
                assert queue.sweep() == queue.Swept(requeued=1, failed=0, queued=1)
    assert actions(technician) == ["prediction.requested", "prediction.failed"]


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 15), (2, 60)])
def test_the_next_attempt_waits_longer_each_time(
    technician: Any, model: ModelVersion, attempt: int, seconds: int
) -> None:
    opinions.admit(technician)
    opinions.change(technician, attempts=attempt - 1)
    lease = claim(model, suspects=attempt > 1)
    assert answer(lease, lambda job: try_again(job, "The disk is away.")) == 1
    with as_worker():
        assert queue.sweep() == queue.Swept(requeued=0, failed=0, queued=0)
        assert queue.claim(model=model, limit=16, suspects=True) is None
    (row,) = opinions.predictions(technician)
    left = (row.lease_expires_at - timezone.now()).total_seconds()
    assert seconds - 10 < left <= seconds


def test_nobody_holds_the_lease_of_a_row_that_waits_for_another_attempt(
    technician: Any, model: ModelVersion
) -> None:
    opinions.admit(technician)
    lease = claim(model)
    assert answer(lease, lambda job: try_again(job, "The disk is away.")) == 1
    assert answer(lease) == 0
    with as_worker():
        assert (queue.renew(lease), queue.release(lease)) == (0, 0)
    (row,) = opinions.predictions(technician)
    assert (row.status, row.attempts, row.error) == ("running", 1, "The disk is away.")


def test_what_is_known_of_a_person_reaches_the_case(technician: Any, model: ModelVersion) -> None:
    known = factories.patient(technician, sex="male")
    lesion = factories.lesion(technician, known, body_site="lower_extremity", laterality="left")
    opinions.admit(technician, known, lesion_id=lesion.pk)
    opinions.admit(technician, factories.patient(technician, sex="other"), seed=2)
    lease = claim(model)
    with as_worker():
        jobs = {job.patient_id: job for job in cases.jobs(lease)}
    today = timezone.now()
    expected_age = today.year - 1970
    first = jobs.pop(known.pk)
    (second,) = jobs.values()
    assert (first.age, first.sex, first.site) == (expected_age, "male", "lower extremity")
    assert (second.age, second.sex, second.site) == (expected_age, None, None)
    assert first.allowed and second.allowed


def test_consent_withdrawn_meanwhile_counts(technician: Any, model: ModelVersion) -> None:
    instance = opinions.admit(technician)
    record_consents(
        actor=technician, patient_id=instance.patient_id, decisions={Purpose.AI_OPINION: False}
    )
    lease = claim(model)
    with as_worker():
        assert [job.allowed for job in cases.jobs(lease)] == [False]


@pytest.mark.parametrize("status", ["ready", "declined", "failed", "superseded"])
def test_a_final_opinion_is_never_changed(
    technician: Any, model: ModelVersion, status: str
) -> None:
    opinions.admit(technician)
    opinions.change(
        technician,
        status=status,
        error="x",
        declined_reason="x",
        result={},
        malignant_probability=0.1,
    )
    with (
        pytest.raises((IntegrityError, InternalError), match="never changed"),
        transaction.atomic(),
    ):
        opinions.change(technician, malignant_probability=0.9)
    assert opinions.predictions(technician)[0].malignant_probability == 0.1


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"status": "running"}, "running_has_a_lease"),
        ({"status": "ready"}, "ready_has_a_result"),
        ({"status": "declined"}, "declined_has_a_reason"),
        ({"status": "failed"}, "failed_has_an_error"),
    ],
)
def test_the_database_knows_what_an_ending_needs(
    technician: Any, model: ModelVersion, values: dict[str, Any], rule: str
) -> None:
    opinions.admit(technician)
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        opinions.change(technician, **values)
    assert opinions.predictions(technician)[0].status == Status.QUEUED
