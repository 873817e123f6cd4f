"""Real workers on real servers: Celery in processes of its own, the shipped network, one database.

Tests here really commit, since the worker must see what they write. Time does not pass by waiting:
where a lease has to end, its row is set into the past.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection
from redis import Redis

from dermaclinic.processes import Child
from inference.models import ModelVersion
from tests import opinions
from tests.faults.worker import Worker

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = ("SECRET_KEY", "VAULT_KEYS", "VAULT_NAMING_KEY", "AUDIT_EVENT_KEY")


@pytest.fixture(scope="session")
def shared_vault(tmp_path_factory: Any) -> Path:
    return Path(tmp_path_factory.mktemp("vault"))


@pytest.fixture(autouse=True)
def _own_vault(settings: Any, shared_vault: Path) -> None:
    settings.VAULT_DIR = shared_vault


@pytest.fixture(scope="session")
def start_worker(
    django_db_setup: None, shared_vault: Path, tmp_path_factory: Any
) -> Iterator[Callable[[], Worker]]:
    """Starts inference workers that live until the end of the session."""
    folder = Path(tmp_path_factory.mktemp("workers"))
    started: list[Worker] = []

    def start() -> Worker:
        number = len(started) + 1
        celery = [sys.executable, "-m", "celery", "--app", "dermaclinic", "worker"]
        options = ["--queues", "inference", "--pool", "solo", "--hostname", f"inference{number}@%h"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        child = Child(
            name=f"inference{number}",
            command=[*celery, *options, *quiet, "--loglevel", "INFO"],
            directory=PROJECT,
            log=folder / f"{number}.log",
            environment=_environment(shared_vault),
            stopping=((signal.SIGTERM, 20), (signal.SIGKILL, 5)),
        )
        child.start()
        started.append(Worker(child))
        return started[-1]

    yield start
    for worker in started:
        with contextlib.suppress(ProcessLookupError):
            worker.child.ask_to_stop()
    for worker in started:
        worker.child.stop()


def _environment(vault: Path) -> dict[str, str]:
    """As a supervisor would give it: the worker's own login on the test database, and its keys."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = connection.settings_dict["NAME"]
    return {
        **os.environ,
        **{name: getattr(django_settings, name) for name in SECRETS},
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development",
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}")),
        "DATABASE_ROLE": "worker",
        "VAULT_DIR": str(vault),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="session")
def _standing() -> list[Worker]:
    return []


@pytest.fixture
def workers(
    real_model: ModelVersion, _standing: list[Worker], start_worker: Callable[[], Worker]
) -> Callable[[int], list[Worker]]:
    """So many warmed workers: those of earlier tests that still live, and new ones if needed."""

    def ready(count: int) -> list[Worker]:
        _standing[:] = [each for each in _standing if each.child.alive()]
        for each in _standing[count:]:
            each.signal(signal.SIGTERM)
            each.wait_end()
        _standing[count:] = []
        _standing.extend(start_worker() for _ in range(count - len(_standing)))
        for each in _standing:
            each.wait_ready()
        return list(_standing)

    return ready


@pytest.fixture
def worker(workers: Callable[[int], list[Worker]]) -> Worker:
    return workers(1)[0]


@pytest.fixture
def real_model(transactional_db: None, clinic: Any) -> ModelVersion:
    """The shipped package, registered and active."""
    folder = Path(django_settings.MODEL_PACKAGES) / "ham10000-fast"
    model = opinions.registered(folder)
    ModelVersion.objects.update(active=True)
    return model


@pytest.fixture(scope="session")
def redis_pid() -> int:
    """The process of this run's private Redis."""
    return int(Redis.from_url(os.environ["REDIS_URL"]).info("server")["process_id"])
