"""Models, images and rows of the queue for tests, and the worker's view of the database."""

import io
import uuid
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import connection
from django.test import override_settings
from PIL import Image

from dermaclinic import bell
from dermaclinic.accounts import tenancy
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, new_uid
from imaging.services import ingest
from inference.models import ModelVersion, Prediction
from inference.services import models
from inference.services.requests import request_for
from tests import factories
from tests.database import acting_as
from tests.imaging.files import texture


def picture(seed: int, *, width: int = 320, height: int = 240) -> bytes:
    """A JPEG that differs from every other seed's."""
    out = io.BytesIO()
    Image.fromarray(texture(width, height, seed)).save(out, "JPEG", quality=90)
    return out.getvalue()


def model(version: str = "1", *, active: bool = True, modality: str = "dermoscopy") -> ModelVersion:
    """A registered model; its package need not exist for the queue's sake."""
    with acting_as("owner"):
        return ModelVersion.objects.create(
            name="test-model",
            version=version,
            sha256=version.encode().hex().ljust(64, "0"),
            manifest={"name": "test-model", "version": version},
            modality=modality,
            active=active,
        )


def registered(folder: Path) -> ModelVersion:
    """A package that the installation's owner has registered."""
    with acting_as("owner"):
        return models.register_package(folder=folder)


def admit(actor: Actor, patient: Any = None, *, seed: int = 1, **changes: Any) -> Instance:
    """An image, admitted through the one door into a visit, by default a new one."""
    patient = patient or factories.patient(actor)
    study = changes.pop("study", None) or factories.study(actor, patient)
    data = changes.pop("data", None) or picture(seed)
    return ingest(actor=actor, study_id=study.pk, data=data, **changes).instance


def admit_many(actor: Actor, count: int, *, patient: Any = None) -> list[Instance]:
    """So many images of one patient, with real sealed bytes, asked about in one transaction.

    They share the bytes of four, and so take milliseconds instead of minutes. No bell is rung.
    """
    patient = patient or factories.patient(actor)
    copies = []
    with mock.patch.object(bell, "ring_now"), clinic_context(actor.clinic_id):
        originals = [admit(actor, patient, seed=seed) for seed in range(min(count, 4))]
        for number in range(len(originals), count):
            copy = Instance.objects.get(pk=originals[number % 4].pk)
            copy.pk = uuid.uuid4()
            copy.sha256 = f"{number:064x}"
            copy.sop_instance_uid = new_uid()
            copy.save(force_insert=True)
            request_for(actor, copy)
            copies.append(copy)
    return originals + copies


def predictions(actor: Actor, **lookup: Any) -> list[Prediction]:
    """Rows of the actor's clinic, oldest first."""
    with clinic_context(actor.clinic_id):
        rows = Prediction.objects.filter(**lookup).select_related("instance")
        return list(rows.order_by("requested_at", "rerun"))


def change(actor: Actor, **values: Any) -> int:
    """Set columns of every row of the clinic, as a worker would have done."""
    with clinic_context(actor.clinic_id), acting_as("worker"):
        return Prediction.objects.filter(clinic=actor.clinic_id).update(**values)


class AtOnce(Executor):
    """Runs what it is given at once, in the test's own thread and transaction."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asks for the result
            future.set_exception(error)
        return future


@contextmanager
def as_worker() -> Iterator[None]:
    """Act as the worker: its role, and its guard, which lets the queue be read across clinics."""
    guards = connection.execute_wrappers
    with override_settings(DATABASE_ROLE="worker"), acting_as("worker"):
        tenancy.install_guard(connection)
        try:
            yield
        finally:
            connection.execute_wrappers = guards
