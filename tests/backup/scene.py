"""Run in a process of its own, with a private server's environment: work, or look at what is there.

scene.py fill OUT     two clinics with a patient, contact data and an image each; says what they are
scene.py look IN      finds all of it again behind the wall; exits 1 otherwise
scene.py verify -      as sealer: seals what is not sealed, and verifies the audit
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermaclinic.settings.testing")
django.setup()

from django.conf import settings  # noqa: E402 - apps are ready from here on
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from demo.dermoscopy import draw  # noqa: E402
from dermaclinic.accounts.models import Clinic, Membership  # noqa: E402
from dermaclinic.accounts.tenancy import clinic_context  # noqa: E402
from imaging import services as imaging  # noqa: E402
from imaging.models import Instance  # noqa: E402
from imaging.storage import vault  # noqa: E402
from patients import contact, selectors  # noqa: E402
from patients.models import Patient  # noqa: E402
from tests import database, factories  # noqa: E402
from tests.imaging.taking import SPEC  # noqa: E402

settings.VAULT_DIR = Path(os.environ["VAULT_DIR"])
REACHED = {"phone": "+44 20 7946 0018", "identifier_system": "nhs", "identifier": "943 476 5919"}


def fill() -> dict[str, Any]:
    """Two clinics at work; what the first one has."""
    call_command("migrate", interactive=False, verbosity=0)
    database.use_role("web")
    told: dict[str, Any] = {}
    for name in ("First Test Clinic", "Second Test Clinic"):
        clinic = factories.clinic(name)
        actor = factories.actor(clinic, "technician")
        patient = factories.patient(actor, family_name="Backup", **REACHED)
        study = factories.study(actor, patient)
        data = draw(SPEC, 1).as_jpeg()
        imaging.ingest(actor=actor, study_id=study.pk, data=data, filename="a.jpg")
        told = told or {
            "clinic": str(clinic.pk),
            "patient": str(patient.pk),
            "images": images(clinic),
        }
    return told


def images(clinic: Clinic) -> dict[str, str]:
    """SHA-256 of each image's bytes as the vault opens them."""
    with clinic_context(clinic.pk):
        return {
            str(instance.pk): hashlib.sha256(vault().get(instance.image_name)).hexdigest()
            for instance in Instance.objects.all()
        }


def look(told: dict[str, Any]) -> None:
    """AssertionError unless everything is as it was, walls included."""
    database.use_role("web")
    clinic = Clinic.objects.get(pk=told["clinic"])
    assert images(clinic) == told["images"]
    with clinic_context(clinic.pk):
        patient = Patient.objects.get(pk=told["patient"])
        assert contact.of(patient) == contact.Contact(**REACHED)
    actor = factories.member_actor(Membership.objects.select_related("user").get(clinic=clinic))
    assert selectors.search(actor=actor, q="9434765919") == [patient]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ONLY patients_patient")
        assert cursor.fetchone()[0] == 0, "without a clinic's context nobody is seen"
    factories.patient(actor, mrn=str(uuid4()))  # and work goes on


if __name__ == "__main__":
    task, file = sys.argv[1], Path(sys.argv[2])
    if task == "verify":
        call_command("seal_audit", "--all")
        call_command("verify_audit")
    elif task == "fill":
        file.write_text(json.dumps(fill()))
    else:
        look(json.loads(file.read_text()))
