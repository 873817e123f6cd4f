"""A clinic to measure: private servers, one inference worker per core, a patient, real images."""

import io
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from dermaclinic import embedded
from dermaclinic.processes import Child

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from imaging.models import Instance, Study

PROJECT = embedded.PROJECT
PACKAGES = PROJECT / "inference" / "packages"
PACKAGE = PACKAGES / "ham10000-standard"  # what the workers run
FAST = PACKAGES / "ham10000-fast"
SIZE = (600, 450)  # HAM10000's own
DRAWINGS = 6

_tick = threading.Event()


def wait_until(predicate: Callable[[], object], seconds: float, step: float = 0.01) -> None:
    """Return when `predicate` is true; TimeoutError when it stays false."""
    for _ in range(round(seconds / step)):
        if predicate():
            return
        _tick.wait(step)
    raise TimeoutError(f"Not within {seconds:g} s.")


@dataclass
class Bench:
    """What the measurements use."""

    technician: "Actor"
    study: "Study"
    drawings: list[bytes]
    workers: list[Child]

    def upload(self, number: int) -> "Instance":
        """A new image through the one door."""
        from imaging.services import ingest

        return ingest(
            actor=self.technician,
            study_id=self.study.pk,
            data=different(self.drawings[number % len(self.drawings)], number),
        ).instance

    def statuses(self) -> dict[str, int]:
        """How many opinions are where."""
        from collections import Counter

        from dermaclinic.accounts.tenancy import clinic_context
        from inference.models import Prediction

        with clinic_context(self.technician.clinic_id):
            return Counter(Prediction.objects.values_list("status", flat=True))


def different(jpeg: bytes, number: int) -> bytes:
    """The same picture but for one pixel: the same bytes twice would be one image."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.putpixel((number % SIZE[0], number // SIZE[0]), (number % 256, 0, 0))
        picture.save(out, "JPEG", quality=90)
    return out.getvalue()


@contextmanager
def running(workers: int, say: Callable[[str], None]) -> Iterator[Bench]:
    """Servers, schema, model, workers and a patient with a visit; all gone afterwards."""
    state = Path(tempfile.mkdtemp(prefix="dermaclinic-bench-"))
    servers = embedded.start(state, progress=say)
    children: list[Child] = []
    try:
        environment = _environment(servers, state)
        say("Preparing the clinic")
        _manage("migrate", "--no-input", "--verbosity", "0", environment=environment)
        _manage("register_model", str(PACKAGE), "--activate", environment=environment)
        for number in range(workers):
            children.append(_worker(number, state, environment))
            children[-1].start()
        os.environ.update(environment | {"DATABASE_ROLE": "owner"})
        import django

        django.setup()
        bench = _bench(children)
        from dermaclinic.accounts.tenancy import acting_as

        for child in children:
            wait_until(partial(_says_ready, child), 120)
        with acting_as("web"):
            yield bench
    finally:
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.stop()
        servers.stop()
        embedded.wipe(state)


def _says_ready(worker: Child) -> bool:
    return b"is ready." in worker.log.read_bytes()


def _environment(servers: embedded.Servers, state: Path) -> dict[str, str]:
    def key() -> str:
        return b64encode(secrets.token_bytes(32)).decode()

    return {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_ROLE"},
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "DERMACLINIC_STATE": str(servers.state),
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development",
        "SECRET_KEY": key(),
        "VAULT_KEYS": f"bench:{key()}",
        "VAULT_NAMING_KEY": key(),
        "AUDIT_EVENT_KEY": key(),
        "VAULT_DIR": str(state / "vault"),
    }


def _manage(*arguments: str, environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=PROJECT, env=environment, check=True
    )


def _worker(number: int, state: Path, environment: dict[str, str]) -> Child:
    celery = [sys.executable, "-m", "celery", "-A", "dermaclinic", "worker"]
    options = ["-P", "solo", "-Q", "inference", "-n", f"inference{number}@%h"]
    return Child(
        name=f"worker {number}",
        command=[*celery, *options, "--without-gossip", "--without-mingle", "--loglevel", "INFO"],
        directory=PROJECT,
        log=state / f"worker{number}.log",
        environment=environment | {"DATABASE_ROLE": "worker"},
        stopping=((signal.SIGTERM, 20), (signal.SIGKILL, 5)),
    )


def _bench(workers: list[Child]) -> Bench:
    """A clinic, a technician and a consenting patient's visit, made as in production."""
    from datetime import date

    from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
    from dermaclinic.accounts.actor import member_actor
    from dermaclinic.accounts.services import create_clinic, create_member
    from dermaclinic.accounts.tenancy import acting_as
    from imaging.services import start_study
    from patients.models import Purpose
    from patients.services import record_consents, register_patient

    clinic = create_clinic(name=f"Bench {uuid.uuid4().hex[:8]}")
    member = create_member(
        clinic=clinic,
        email="bench@clinic.example",
        full_name="Bench Technician",
        password=secrets.token_urlsafe(16),
        role="technician",
    )
    technician = member_actor(member)
    with acting_as("web"):
        patient = register_patient(
            actor=technician,
            mrn="B-1",
            family_name="Benchperson",
            given_name="Test",
            birth_date=date(1970, 1, 1),
            sex="female",
        )
        record_consents(
            actor=technician,
            patient_id=patient.pk,
            decisions=dict.fromkeys(Purpose.values, True),
        )
        study = start_study(actor=technician, patient_id=patient.pk)
    kinds = list(Kind)
    drawings = [
        draw(
            Spec(SkinTone.TYPE_II, Lesion(kinds[seed], seed=seed), Capture.plain(), size=SIZE),
            seed=seed,
        ).as_jpeg()
        for seed in range(DRAWINGS)
    ]
    return Bench(technician, study, drawings, workers)
