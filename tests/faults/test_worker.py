"""A worker that is killed, stopped, doubled or fed poison: every image still ends exactly once.

The order saves time, nothing else: the same two workers live through most of these tests.
"""

import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.storage import vault
from tests import opinions
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

Workers = Callable[[int], list[Worker]]


def test_an_upload_is_answered(worker: Worker, technician: Any) -> None:
    opinions.admit(technician)
    wait_until_final(technician, 1)
    assert each_ended_once(technician, 1)


def test_the_same_bell_twice(worker: Worker, technician: Any) -> None:
    opinions.admit_many(technician, 24)
    for _ in range(5):
        ring()
    wait_until_final(technician, 24)
    before = [row.finished_at for row in opinions.predictions(technician)]
    worker.wait_idle()
    assert each_ended_once(technician, 24)
    assert [row.finished_at for row in opinions.predictions(technician)] == before


def waits_again(actor: Any, image: Instance, attempts: int) -> bool:
    """Did this many attempts on an image come to nothing, with another one to follow?"""
    (row,) = opinions.predictions(actor, instance=image)
    left = (row.lease_expires_at - timezone.now()).total_seconds() if row.lease_expires_at else 0
    return row.attempts == attempts and 0 < left <= 60


def test_a_poison_image_fails_alone(worker: Worker, technician: Any) -> None:
    images = opinions.admit_many(technician, 8)
    no_image, no_bytes = images[5], images[6]
    with clinic_context(technician.clinic_id):
        for image in (no_image, no_bytes):
            name = vault().name_for(image.clinic_id, image.patient_id, image.sha256)
            Instance.objects.filter(pk=image.pk).update(image_name=name)
            if image is no_image:
                vault().put(name, b"\xff\xd8 no image")
    ring()
    wait_until_final(technician, 7)
    for attempt in (1, 2):  # what is missing may only be away
        wait_until(partial(waits_again, technician, no_bytes, attempt))
        end_leases(technician)
        sweep()
    ended = wait_until_final(technician, 8)
    assert each_ended_once(technician, 8)
    failed = opinions.predictions(technician, status="failed")
    assert {row.instance_id: row.error for row in failed} == {
        no_image.pk: "The stored image could not be decoded.",
        no_bytes.pk: "The stored image is missing.",
    }
    assert ended["ready"] + ended["declined"] == 6


def test_two_workers_share_a_backlog(workers: Workers, technician: Any) -> None:
    workers(2)
    opinions.admit_many(technician, 200)
    ring()
    ring()
    wait_until_final(technician, 200)
    assert each_ended_once(technician, 200)
    assert {row.attempts for row in opinions.predictions(technician)} == {1}


def test_a_killed_worker_loses_nothing(workers: Workers, technician: Any) -> None:
    first, _second = workers(2)
    opinions.admit_many(technician, 200)
    ring()
    ring()
    first.stop_in_mid_run(technician)
    first.signal(signal.SIGKILL)
    assert first.wait_end() == -signal.SIGKILL
    assert statuses(technician)["running"] > 0
    end_leases(technician)
    sweep()
    wait_until_final(technician, 200)
    assert each_ended_once(technician, 200)
    assert max(row.attempts for row in opinions.predictions(technician)) == 2


def test_a_stopped_worker_gives_back_what_it_has_not_run(workers: Workers, technician: Any) -> None:
    (only,) = workers(1)
    opinions.admit_many(technician, 300)
    ring()
    only.stop_in_mid_run(technician)
    only.signal(signal.SIGTERM)
    only.signal(signal.SIGCONT)
    assert only.wait_end() == 0
    left = statuses(technician)
    assert left["queued"] > 0 and left["running"] == 0
    assert {row.attempts for row in opinions.predictions(technician, status="queued")} == {0}
    workers(1)
    wait_until_final(technician, 300)
    assert each_ended_once(technician, 300)
