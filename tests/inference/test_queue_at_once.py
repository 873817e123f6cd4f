"""Two workers, or two sweeps, at once: with real commits, as another process would see them."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from inference.models import ModelVersion, Prediction
from inference.services import queue
from tests import database, opinions


@pytest.fixture
def model(transactional_db: None) -> ModelVersion:
    return opinions.model()


@pytest.fixture
def become_worker(transactional_db: None, settings: Any) -> Iterator[Callable[[], None]]:
    """Called once the images are there: from then on every connection is the worker's."""

    def become() -> None:
        settings.DATABASE_ROLE = "worker"
        database.use_role("worker")

    yield become
    database.use_role("web")


def in_another_connection(work: Callable[[], Any]) -> Any:
    """Run in a thread, which has a connection of its own; its result."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert found, "the other connection waited, or failed"
    return found[0]


def test_two_workers_claim_different_rows_and_none_waits(
    technician: Any, model: ModelVersion, become_worker: Any
) -> None:
    opinions.admit_many(technician, 5)
    ids = [row.pk for row in opinions.predictions(technician)]
    become_worker()
    with transaction.atomic():
        mine = queue.claim(model=model, limit=3)
        theirs = in_another_connection(lambda: queue.claim(model=model, limit=3))
        nothing = in_another_connection(lambda: queue.claim(model=model, limit=3))
    assert mine is not None and nothing is None
    taken = [row.id for row in mine.rows] + [row.id for row in theirs.rows]
    assert sorted(taken) == sorted(ids)
    assert mine.token != theirs.token
    assert Prediction.objects.filter(status="running", attempts=1).count() == 5


def test_two_sweeps_are_one(technician: Any, model: ModelVersion, become_worker: Any) -> None:
    opinions.admit(technician)
    become_worker()
    queue.claim(model=model, limit=1)
    Prediction.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    with transaction.atomic():
        assert queue.sweep() == queue.Swept(requeued=1, failed=0, queued=1)
        assert in_another_connection(queue.sweep) is None
