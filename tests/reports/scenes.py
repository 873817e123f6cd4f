"""Visits with images and opinions, as the tests of this room need them."""

import itertools
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from imaging.models import Instance
from imaging.services import ingest
from inference.models import ModelVersion, Prediction
from inference.network.classes import CLASSES
from reports.models import Assessment, Report
from reports.services.assessments import record_assessment
from reports.services.composing import compose
from reports.services.signing import sign
from tests import factories, opinions
from tests.database import acting_as

MELANOMA, NEVUS, DYSPLASTIC, BOWEN, KERATOSIS, SCC = (
    "93655004", "400010006", "254818000", "254656002", "25499005", "254651007",
)  # fmt: skip
_seeds = itertools.count(10_000)
POINT = {
    "name": "screening", "threshold": 0.2, "target_sensitivity": 0.95, "sensitivity": 0.953,
    "sensitivity_low": 0.921, "specificity": 0.612,
}  # fmt: skip


def model(**changes: Any) -> ModelVersion:
    """The active model."""
    found = ModelVersion.objects.filter(active=True).first()
    return found or opinions.model(**changes)


def image(actor: Actor, study: Any, lesion: Any = None) -> Instance:
    """An image in a visit, unlike every other."""
    return ingest(
        actor=actor,
        study_id=study.pk,
        data=opinions.picture(next(_seeds)),
        lesion_id=lesion.pk if lesion else None,
    ).instance


def visit(actor: Actor, *, lesions: int = 1, consent: bool = True, **changes: Any) -> Any:
    """A patient's visit with one image of each of some lesions: (study, lesions, images).

    Without `consent` the patient agreed to photographs alone.
    """
    from patients.services import record_consents

    patient = factories.patient(actor, consent=consent)
    if not consent:
        record_consents(actor=actor, patient_id=patient.pk, decisions={"care": True})
    study = factories.study(actor, patient, **changes)
    made = [factories.lesion(actor, patient) for _ in range(lesions)]
    return study, made, [image(actor, study, lesion) for lesion in made]


def sighted(actor: Actor) -> None:
    """From now on the actor's clinic shows its doctors the opinions at once."""
    with clinic_context(actor.clinic_id):
        held = clinic_settings.current()
        clinic = Clinic.objects.get(pk=actor.clinic_id)
    administrator = factories.actor(clinic, "administrator")
    number = held.number if held else 0
    clinic_settings.change(actor=administrator, number=number, blinded_first=False)


def shares(first: Mapping[str, float]) -> list[dict[str, Any]]:
    """A differential that starts with these classes; the rest share what is left."""
    rest = [row for row in CLASSES if row.key not in first]
    left = (1 - sum(first.values())) / len(rest)
    probability = dict(first) | {row.key: left for row in rest}
    lines = [
        {"key": row.key, "code": row.code, "display": row.display,
         "probability": probability[row.key]}
        for row in CLASSES
    ]  # fmt: skip
    return sorted(lines, key=lambda line: -float(str(line["probability"])))


def finish(
    actor: Actor,
    image: Instance,
    *,
    status: str = "ready",
    first: Mapping[str, float] | None = None,
    malignant: float = 0.1,
    triage: str = "routine",
    result: Mapping[str, Any] | None = None,
    **columns: Any,
) -> Prediction:
    """End the newest opinion on an image as the worker would; without one, ask for it.

    `result` adds to what a ready one says, `columns` to its row.
    """
    with clinic_context(actor.clinic_id):
        row = Prediction.objects.filter(instance=image).order_by("-rerun").first()
        if row is None or row.status not in ("queued", "running"):
            row = Prediction.objects.create(
                clinic_id=actor.clinic_id,
                instance=image,
                model_version=model(),
                rerun=row.rerun + 1 if row else 0,
            )
        row.status = status
        if status == "ready":
            row.malignant_probability = malignant
            row.triage = triage
            row.result = {
                "differential": shares(first or {"nv": 0.7, "mel": 0.1, "bkl": 0.08}),
                "prediction_sets": {"90": ["nv", "mel"]},
                "operating_point": POINT,
                "metadata_used": {"age": 56.0, "sex": "female", "site": "back"},
            }
            row.result |= result or {}
            row.saliency = bytes(range(0, 245, 5))
            row.saliency_shape = [7, 7]
            for name, value in columns.items():
                setattr(row, name, value)
        row.declined_reason = "blurred" if status == "declined" else ""
        row.error = "no memory" if status == "failed" else ""
        row.finished_at = timezone.now() if status not in ("queued", "running") else None
        with acting_as("owner"):
            row.save()
    return row


def assess(actor: Actor, study: Any, lesion: Any, *codes: str, **changes: Any) -> Assessment:
    """An assessment; without more, a nevus to be discharged."""
    fields = {"management": "discharge", "diagnoses": list(codes) or [NEVUS]} | changes
    return record_assessment(actor=actor, study_id=study.pk, lesion_id=lesion.pk, **fields)


def draft(doctor: Actor, **changes: Any) -> Any:
    """A draft on a visit with one assessed lesion: (report, study, lesion, image)."""
    study, [lesion], [picture] = visit(doctor, **changes)
    made = assess(doctor, study, lesion)
    return compose(actor=doctor, assessment_ids=[made.pk]), study, lesion, picture


def signed(doctor: Actor, **changes: Any) -> Any:
    """The same, signed."""
    report, study, lesion, picture = draft(doctor, **changes)
    done = sign(actor=doctor, report_id=report.pk, password=factories.PASSWORD)
    return done, study, lesion, picture


def stored(actor: Actor, report: Report) -> Report:
    """A report as the database has it."""
    with clinic_context(actor.clinic_id):
        return Report.objects.select_related("replaced_by").get(pk=report.pk)


def count(actor: Actor, model: Any, **lookup: Any) -> int:
    """How many rows of the actor's clinic there are."""
    with clinic_context(actor.clinic_id):
        return int(model.objects.filter(**lookup).count())


def events(actor: Actor, action: str, **lookup: Any) -> int:
    """How many events of a kind there are."""
    return count(actor, Event, action=action, **lookup)
