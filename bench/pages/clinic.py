"""A clinic to measure: the scene of the permissions' table, made large, and people signed in."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from bench.pages import load
from dermaclinic import embedded

if TYPE_CHECKING:
    from tests.permissions.scene import Scene

MEMBERS = 12  # of a large clinic, beside the scene's own
FORM = "b" * 32  # the token of every form
SAMPLE = 40  # different patients whose pages are opened


@dataclass
class Large:
    """A clinic of which `scene` names a row of everything, and `sample` the rows of some patients.

    `headers` are what a member's browser ("page") or program ("api") sends, by role; `counts` how
    many rows a table has.
    """

    scene: "Scene"
    sample: list[dict[str, Any]]
    headers: Mapping[tuple[str, str], Mapping[str, str]]
    counts: Mapping[str, int]


@contextmanager
def servers(state: Path | None = None) -> Iterator[embedded.Servers]:
    """Private servers as in production, which write to the disk; deleted afterwards.

    With a `state` directory they are kept there, and with them what was loaded.
    """
    kept = state is not None
    place = state or Path(tempfile.mkdtemp(prefix="dermaclinic-bench-"))
    running = embedded.start(place, progress=lambda _: None)
    try:
        os.environ.update(embedded.environment(running, "owner"))
        os.environ["DJANGO_SETTINGS_MODULE"] = "bench.pages.settings"
        os.environ["VAULT_DIR"] = str(place / "vault")
        import django

        django.setup()
        yield running
    finally:
        from django.db import connections

        connections.close_all()
        running.stop()
        if not kept:
            embedded.wipe(place)


def furnish(running: embedded.Servers, predictions: int, say: Callable[[str], None]) -> Large:
    """Migrate, make the scene as web through the product's services, and copy it many times.

    RuntimeError when a copied row refers to nothing.
    """
    from django.core.management import call_command
    from django.db import connection

    from demo.dermoscopy import draw
    from dermaclinic import bell
    from tests import database, factories
    from tests.imaging.taking import SPEC
    from tests.permissions.scene import Scene

    call_command("migrate", verbosity=0)
    database.use_role("web")
    with mock.patch.object(bell, "ring_now"):
        scene = Scene(factories.clinic("Bench Clinic"), draw(SPEC, seed=1))
        roles = itertools.cycle(scene.people)
        for _number, role in zip(range(MEMBERS), roles, strict=False):
            factories.membership(scene.clinic, role)
    templates = _templates(scene)
    connection.close()
    superuser = running.database_url.replace("dermaclinic_owner@", "postgres@")
    counts = load.grow(superuser, scene.clinic.pk, templates, predictions, say)
    say("  looking at every reference")
    if broken := load.orphans(superuser):
        raise RuntimeError(f"References to nothing: {', '.join(broken)}")
    return Large(scene, _sample(scene), _headers(scene), counts)


def _templates(scene: "Scene") -> dict[str, Any]:
    from dermaclinic.accounts.tenancy import clinic_context
    from imaging.models import Quarantine
    from patients.models import Consent
    from reports.models import Histology, ReportAssessment, Waiting

    with clinic_context(scene.clinic.pk):
        return {
            "patients_patient": scene.patient_id,
            "patients_consent": _first(Consent),
            "patients_lesion": scene.lesion_id,
            "imaging_study": scene.study_id,
            "imaging_instance": scene.instance_id,
            "inference_prediction": scene.prediction_id,
            "reports_assessment": scene.assessment_id,
            "reports_waiting": _first(Waiting),
            "reports_report": scene.signed,
            "reports_reportassessment": _first(ReportAssessment),
            "reports_histology": _first(Histology),
            "imaging_quarantine": _first(Quarantine),
        }


def _first(model: Any) -> Any:
    return model.objects.values_list("pk", flat=True).first()


def _sample(scene: "Scene") -> list[dict[str, Any]]:
    """The ids of patients' rows, as the parts of addresses name them: half of them wait."""
    from dermaclinic.accounts.tenancy import clinic_context
    from imaging.models import Instance
    from reports.models import Assessment, Report

    with clinic_context(scene.clinic.pk):
        images = Instance.objects.select_related("patient").exclude(lesion=None)
        found = images.filter(patient__mrn__startswith="B-").order_by("sha256")
        waiting = found.filter(study__waiting__isnull=False)
        done = found.filter(study__waiting=None)
        rows = []
        for image in (*waiting[: SAMPLE // 2], *done[: SAMPLE // 2]):
            opinion = image.predictions.filter(status="ready").first()
            reports = Report.objects.filter(patient_id=image.patient_id, status="signed")
            made = Assessment.objects.filter(study=image.study_id, images__contains=[image.pk])
            row = {
                "patient_id": image.patient_id,
                "study_id": image.study_id,
                "lesion_id": image.lesion_id,
                "instance_id": image.pk,
                "prediction_id": opinion and opinion.pk,
                "report_id": reports.values_list("pk", flat=True).first(),
                "assessment_id": made.values_list("pk", flat=True).first(),
                "name": image.patient.family_name,
                "mrn": image.patient.mrn,
            }
            rows.append({name: value for name, value in row.items() if value})
    return rows


def _headers(scene: "Scene") -> dict[tuple[str, str], dict[str, str]]:
    from dermaclinic.accounts.models import ApiToken, Membership
    from tests.pages.conftest import browser

    found = {}
    for role, actor in scene.people.items():
        cookies = browser(actor).cookies.items()
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies)
        found[role, "page"] = {"Cookie": f"{cookie}; csrftoken={FORM}", "X-CSRFToken": FORM}
        member = Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)
        found[role, "api"] = {"Authorization": f"Token {ApiToken.issue(member)[1]}"}
    return found
