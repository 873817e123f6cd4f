"""Which process may serve a network, and that every other one never sees TensorFlow."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.conf import settings as django_settings

from inference.models import ModelVersion
from tests import opinions
from tests.opinions import as_worker
from workers import inference, serving

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = Path(django_settings.MODEL_PACKAGES) / "ham10000-fast"


def celery_worker(queues: list[str], pool: str) -> Any:
    consumed = SimpleNamespace(consume_from=dict.fromkeys(queues))
    return SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=consumed)), pool_cls=pool
    )


def test_a_forked_pool_is_refused_on_the_queue_of_the_network() -> None:
    with pytest.raises(SystemExit, match="--pool solo"):
        inference.check_pool(celery_worker(["inference"], "prefork"))


@pytest.mark.parametrize(
    ("queues", "pool"),
    [(["inference"], "solo"), (["default"], "prefork"), (["default", "inference"], "solo")],
)
def test_every_other_worker_starts(queues: list[str], pool: str) -> None:
    inference.check_pool(celery_worker(queues, pool))


@pytest.mark.parametrize(
    "modules",
    [
        "dermaclinic.urls",
        "workers.tasks",
        "inference.engine, inference.services.models, inference.services.requests",
    ],
)
def test_importing_brings_no_tensorflow(modules: str) -> None:
    code = (
        f"import django, sys; django.setup(); import {modules}; "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "dermaclinic.settings.testing"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


class TestNoModelNoAnswer:
    """A package that is not the registered one is never replaced by another."""

    @pytest.fixture
    def model(self, db: None, settings: Any, tmp_path: Path) -> ModelVersion:
        settings.MODEL_PACKAGES = tmp_path / "packages"
        shutil.copytree(PACKAGE, settings.MODEL_PACKAGES / "a")
        model = opinions.registered(settings.MODEL_PACKAGES / "a")
        ModelVersion.objects.update(active=True)
        return model

    def nothing_is_answered(self, actor: Any, caplog: Any) -> str:
        opinions.admit(actor)
        with (
            mock.patch.object(inference, "_desk", opinions.AtOnce),
            mock.patch.object(inference, "close_old_connections"),
            as_worker(),
            caplog.at_level(logging.CRITICAL),
        ):
            inference.drain()
        (row,) = opinions.predictions(actor)
        assert (row.status, row.attempts) == ("queued", 0)
        return str(caplog.text)

    def test_other_weights(self, model: ModelVersion, technician: Any, caplog: Any) -> None:
        weights = Path(django_settings.MODEL_PACKAGES) / "a" / "weights.npz"
        weights.write_bytes(weights.read_bytes() + b"\x00")
        assert "are not those that its manifest names" in self.nothing_is_answered(
            technician, caplog
        )

    def test_another_manifest(self, model: ModelVersion, technician: Any, caplog: Any) -> None:
        manifest = Path(django_settings.MODEL_PACKAGES) / "a" / "manifest.toml"
        manifest.write_text(manifest.read_text().replace("temperature = ", "temperature = 1"))
        assert "has changed since" in self.nothing_is_answered(technician, caplog)

    def test_no_package(self, model: ModelVersion, technician: Any, caplog: Any) -> None:
        shutil.rmtree(Path(django_settings.MODEL_PACKAGES) / "a")
        assert "holds no package" in self.nothing_is_answered(technician, caplog)

    def test_no_engine_was_made(self, model: ModelVersion) -> None:
        (Path(django_settings.MODEL_PACKAGES) / "a" / "weights.npz").unlink()
        assert serving.engine_for(model) is None
