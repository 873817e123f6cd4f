"""Redis refused, hung or cut off: an upload succeeds at once, and its opinion comes later."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from dermaclinic import bell
from tests import factories, opinions
from tests.faults.worker import Worker, each_ended_once, ring, statuses, sweep, wait_until_final

pytestmark = pytest.mark.faults

PATIENCE = 2.0  # seconds that an upload may take longer


@pytest.fixture(autouse=True)
def _fresh_bell() -> Iterator[None]:
    """No connection of another test's making."""
    bell.hang_up()
    yield
    bell.hang_up()


@contextmanager
def hung(pid: int) -> Iterator[None]:
    """Redis accepts connections and never says a word."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def upload_quickly(actor: Any, seed: int) -> None:
    patient = factories.patient(actor)
    study = factories.study(actor, patient)
    data = opinions.picture(seed)
    began = time.monotonic()
    opinions.admit(actor, patient, data=data, study=study)
    assert time.monotonic() - began < PATIENCE


def test_a_hung_redis_delays_nobody(worker: Worker, technician: Any, redis_pid: int) -> None:
    with hung(redis_pid):
        upload_quickly(technician, 1)
        upload_quickly(technician, 2)
        assert statuses(technician) == {"queued": 2}
    sweep()
    wait_until_final(technician, 2)
    assert each_ended_once(technician, 2)


def test_redis_that_hangs_while_connected(worker: Worker, technician: Any, redis_pid: int) -> None:
    ring()
    worker.wait_idle()
    with hung(redis_pid):
        upload_quickly(technician, 1)
        assert statuses(technician) == {"queued": 1}
    sweep()
    wait_until_final(technician, 1)
    assert each_ended_once(technician, 1)


def test_a_refused_redis_delays_nobody(worker: Worker, technician: Any, settings: Any) -> None:
    working = settings.CELERY_BROKER_URL
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/redis.sock"
    upload_quickly(technician, 1)
    assert statuses(technician) == {"queued": 1}
    settings.CELERY_BROKER_URL = working
    sweep()
    wait_until_final(technician, 1)
    assert each_ended_once(technician, 1)


def test_a_worker_that_is_cut_off_comes_back(worker: Worker, technician: Any) -> None:
    Redis.from_url(os.environ["REDIS_URL"]).client_kill_filter(_type="normal", skipme=True)
    bell.hang_up()
    opinions.admit_many(technician, 4)
    ring()
    wait_until_final(technician, 4)
    assert each_ended_once(technician, 4)
