"""Models, images and rows of the queue for tests, and the worker's view of the database."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import override_settings
from PIL import Image

from dermaclinic.accounts import tenancy
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.services import ingest
from inference.models import ModelVersion, Prediction
from tests import factories
from tests.database import acting_as
from tests.imaging.files import texture


def picture(seed: int, *, width: int = 320, height: int = 240) -> bytes:
    """A JPEG that differs from every other seed's."""
    out = io.BytesIO()
    Image.fromarray(texture(width, height, seed)).save(out, "JPEG", quality=90)
    return out.getvalue()


def model(version: str = "1", *, active: bool = True) -> ModelVersion:
    """A registered model; its package need not exist for the queue's sake."""
    return ModelVersion.objects.create(
        name="test-model",
        version=version,
        sha256=version.encode().hex().ljust(64, "0"),
        manifest={"name": "test-model", "version": version},
        active=active,
    )


def admit(actor: Actor, patient: Any = None, *, seed: int = 1, **changes: Any) -> Instance:
    """An image, admitted into a new visit through the one door."""
    patient = patient or factories.patient(actor)
    study = factories.study(actor, patient)
    data = changes.pop("data", None) or picture(seed)
    return ingest(actor=actor, study_id=study.pk, data=data, **changes).instance


def predictions(actor: Actor, **lookup: Any) -> list[Prediction]:
    """Rows of the actor's clinic, oldest first."""
    with clinic_context(actor.clinic_id):
        rows = Prediction.objects.filter(**lookup).select_related("instance")
        return list(rows.order_by("requested_at", "rerun"))


def change(actor: Actor, **values: Any) -> int:
    """Set columns of every row of the clinic, as something else would have done."""
    with clinic_context(actor.clinic_id):
        return Prediction.objects.update(**values)


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
