"""The worklist: visits that wait for a doctor, in the order in which they should be read.

A visit waits while an image in it has not been assessed, or belongs to no lesion yet; services keep
a row for each, with its place in the list (services/waiting.py). At the top stand visits where a
lesion has no opinion (declined, failed, missing, opted out); then urgent ones; then those whose
opinion is not there yet, since it may turn out urgent; then the rest. Within each of these the
malignant probability decides, from the top; where doctors judge blinded first it must not show, not
even by a place in a list. Equals stand with the oldest visit first.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from dermaclinic import audit
from dermaclinic.accounts import clinic_settings, policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid
from imaging.models import Instance, Study
from patients.models import Patient
from reports.models import Assessment, Claim
from reports.second_reading.blind import patients_held
from reports.selectors.rows import (
    ImageRow,
    LesionRow,
    by_lesion,
    image_rows,
    lesion_row,
    opted_out,
)
from reports.services import claims, waiting


class Urgency(StrEnum):
    """Why a visit stands where it stands in the worklist, from the top down."""

    NO_OPINION = "no_opinion"
    URGENT = "urgent"
    PENDING = "pending"
    ROUTINE = "routine"


_RANKS = list(Urgency)


@dataclass
class WorklistRow:
    """A visit that waits for a doctor. `claim` is a live one; `key` is its place in the list.

    `malignant_probability` is None where doctors judge blinded first. Elsewhere the key holds it:
    in an address it stands encrypted, as a cursor.
    """

    study: Study
    patient: Patient
    urgency: Urgency
    malignant_probability: float | None
    claim: Claim | None
    key: str
    lesions: list[LesionRow] = field(default_factory=list)
    unassigned: list[ImageRow] = field(default_factory=list)


@dataclass
class WorklistPage:
    """`after` continues the list; empty at its end."""

    rows: list[WorklistRow]
    after: str


def worklist_studies(
    actor: Actor, *, which: str = "all", blinded: bool | None = None
) -> QuerySet[Study]:
    """Waiting visits with their patients, annotated with `worklist_key` and ordered by it.

    The key is a unique text. A visit whose place changes between two pages may be met twice, or
    only when the list is opened again.
    `which`: all, mine (claimed by me) or unclaimed. `blinded`: no place tells a probability; None
    is as the clinic's doctors are to see it. Call it, and read it, inside the clinic's
    context; `worklist_rows` writes down the look.
    """
    policies.require(actor, "add", Assessment)
    studies = policies.visible(actor, Study.objects.select_related("patient"))
    live = claims.live().filter(study=OuterRef("pk"))
    if which == "mine":
        studies = studies.filter(Exists(live.filter(doctor=actor.person)))
    elif which == "unclaimed":
        studies = studies.exclude(Exists(live))
    elif which != "all":
        raise Invalid(f"The worklist shows all, mine or unclaimed visits, not {which!r}.")
    waiting.find_places()
    blinded = clinic_settings.blinded_first() if blinded is None else blinded
    place = "blinded_place" if blinded else "place"
    placed = studies.filter(**{f"waiting__{place}__isnull": False})
    return placed.annotate(worklist_key=F(f"waiting__{place}")).order_by(f"waiting__{place}")


def worklist_rows(
    actor: Actor, studies: list[Study], *, blinded: bool | None = None
) -> list[WorklistRow]:
    """The rows of a page of `worklist_studies`, in a constant number of queries; a look.

    Of patients whose lesion the actor is about to read second they keep back what was said.
    """
    with clinic_context(actor.clinic_id):
        blinded = clinic_settings.blinded_first() if blinded is None else blinded
        held = patients_held(actor)
        without = opted_out({study.patient_id for study in studies})
        made: dict[tuple[object, object], list[Assessment]] = defaultdict(list)
        assessments = list(
            Assessment.objects.standing()
            .filter(study__in=studies)
            .select_related("author")
            .order_by("-version")
        )
        for each in assessments:
            made[each.study_id, each.lesion_id].append(each)
        instances = (
            Instance.objects.filter(study__in=studies)
            .select_related("lesion")
            .defer("source", "quality")  # shown nowhere in the list
            .order_by("created_at", "id")
        )
        images: dict[object, list[ImageRow]] = defaultdict(list)
        for image in image_rows(instances, assessments, without, actor=actor):
            images[image.instance.study_id].append(image)
        live = {
            claim.study_id: claim
            for claim in claims.live().filter(study__in=studies).select_related("doctor")
        }
        rows = []
        for study in studies:
            lesions, unassigned = by_lesion(images[study.pk])
            row = _row(study, live.get(study.pk))
            row.unassigned = unassigned
            row.lesions = [
                lesion_row(lesion, shown, made[study.pk, lesion.pk])
                for lesion, shown in lesions.items()
            ]
            if study.patient_id in held:
                _keep_back(row)
            rows.append(row)
        audit.viewed_worklist(
            actor,
            shown=dict.fromkeys(study.patient_id for study in studies),
            studies=[study.pk for study in studies],
            unveiled=[] if blinded else [row.study.pk for row in rows if _tells(row)],
        )
    return rows


def _keep_back(row: WorklistRow) -> None:
    row.malignant_probability = None
    for lesion in row.lesions:
        lesion.opinion = lesion.assessment = None
        lesion.veiled = True
    for image in [*row.unassigned, *(image for lesion in row.lesions for image in lesion.images)]:
        image.prediction = None


def _tells(row: WorklistRow) -> bool:
    """Is there an opinion in it, of which an unveiled worklist tells the probability?"""
    told = [lesion.opinion.malignant_probability for lesion in row.lesions if lesion.opinion]
    return any(each is not None for each in [row.malignant_probability, *told])


def _row(study: Study, claim: Claim | None) -> WorklistRow:
    key: str = getattr(study, "worklist_key")  # noqa: B009 - an annotation, unknown to the types
    probability = (1_000_000 - int(key[1:8])) / 1_000_000
    return WorklistRow(
        study=study,
        patient=study.patient,
        urgency=_RANKS[int(key[0])],
        malignant_probability=probability or None,
        claim=claim,
        key=key,
    )


def worklist(
    actor: Actor,
    *,
    which: str = "all",
    after: str = "",
    limit: int = 25,
    blinded: bool | None = None,
) -> WorklistPage:
    """A page of the worklist, continuing behind the key `after`; a look that is written down."""
    with clinic_context(actor.clinic_id):
        studies = worklist_studies(actor, which=which, blinded=blinded)
        if after:
            studies = studies.filter(Q(worklist_key__gt=after))
        found = list(studies[: limit + 1])
        rows = worklist_rows(actor, found[:limit], blinded=blinded)
    return WorklistPage(rows=rows, after=rows[-1].key if len(found) > limit else "")
