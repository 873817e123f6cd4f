"""A worker that is killed, stopped, doubled or fed poison: every image still ends exactly once."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.storage import vault
from tests import factories, opinions
from tests.faults.worker import (
    Worker,
    each_ended_once,
    end_leases,
    ring,
    statuses,
    sweep,
    wait_until_final,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.faults


def test_an_upload_is_answered(worker: Worker, technician: Any) -> None:
    opinions.admit(technician)
    wait_until_final(technician, 1)
    assert each_ended_once(technician, 1)


def test_the_same_bell_twice(worker: Worker, technician: Any) -> None:
    opinions.admit_many(technician, 24)
    for _ in range(5):
        ring()
    wait_until_final(technician, 24)
    drained = worker.lines("drain")
    wait_until(lambda: worker.lines("succeeded") and worker.lines("drain") >= drained)
    assert each_ended_once(technician, 24)


def test_two_workers_share_a_backlog(
    worker: Worker, start_worker: Callable[[], Worker], technician: Any
) -> None:
    second = start_worker()
    second.wait_ready()
    opinions.admit_many(technician, 200)
    ring()
    ring()
    wait_until_final(technician, 200)
    assert each_ended_once(technician, 200)
    assert {row.attempts for row in opinions.predictions(technician)} == {1}
    second.signal(signal.SIGTERM)
    assert second.wait_end() == 0


def test_a_poison_image_fails_alone(worker: Worker, technician: Any) -> None:
    images = opinions.admit_many(technician, 8)
    poisoned, _damaged = images[5], images[6]
    with clinic_context(technician.clinic_id):
        for image, data in ((images[5], b"\xff\xd8 no image"), (images[6], None)):
            name = vault().name_for(image.clinic_id, image.patient_id, image.sha256)
            if data is not None:
                vault().put(name, data)
            Instance.objects.filter(pk=image.pk).update(image_name=name)
    ring()
    ended = wait_until_final(technician, 8)
    assert each_ended_once(technician, 8)
    assert ended["failed"] == 2
    errors = {
        row.instance_id: row.error for row in opinions.predictions(technician, status="failed")
    }
    assert errors == {
        poisoned.pk: "The stored image could not be decoded.",
        images[6].pk: "The stored image is missing or damaged.",
    }


def test_a_stopped_worker_gives_back_what_it_has_not_run(
    worker: Worker, start_worker: Callable[[], Worker], technician: Any
) -> None:
    opinions.admit_many(technician, 300)
    ring()
    worker.stop_in_mid_run(technician)
    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGCONT)
    assert worker.wait_end() == 0
    left = statuses(technician)
    assert left["queued"] > 0 and left["running"] == 0
    assert {row.attempts for row in opinions.predictions(technician, status="queued")} == {0}
    start_worker().wait_ready()
    wait_until_final(technician, 300)
    assert each_ended_once(technician, 300)


def test_a_killed_worker_loses_nothing(worker: Worker, technician: Any) -> None:
    patient = factories.patient(technician)
    opinions.admit_many(technician, 64, patient=patient)
    ring()
    worker.stop_in_mid_run(technician)
    worker.signal(signal.SIGKILL)
    assert worker.wait_end() == -signal.SIGKILL
    assert statuses(technician)["running"] > 0
    end_leases(technician)
    sweep()
    assert statuses(technician)["running"] == 0
