"""The review page of a visit: lesions, images, opinions, earlier visits and assessments."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from patients.models import Lesion, Patient
from reports import veil
from reports.models import Assessment, Claim, Histology, OpinionState, Report
from reports.selectors.rows import (
    ImageRow,
    LesionRow,
    by_lesion,
    image_rows,
    lesion_row,
    opted_out,
)
from reports.services import claims


@dataclass
class EarlierVisit:
    """What an earlier visit showed of a lesion."""

    study: Study
    images: list[ImageRow]
    assessment: Assessment | None


@dataclass
class ReviewLesion(LesionRow):
    """A lesion with all its assessments at this visit (newest first), and its earlier visits.

    `first` is what the author of the one that counts had recorded before seeing the opinion;
    `may_undo`: whoever looks may take the newest one back. `histology` is the result that holds.
    """

    history: list[Assessment] = field(default_factory=list)
    earlier: list[EarlierVisit] = field(default_factory=list)
    first: Assessment | None = None
    may_undo: bool = False
    histology: Histology | None = None

    @property
    def unconfirmed(self) -> bool:
        """A first impression differs from the opinion, and its author has not said what holds."""
        return self.assessment is not None and veil.unconfirmed(self.assessment)

    @property
    def former(self) -> list[Assessment]:
        """The assessments that do not count: earlier versions, and those taken back."""
        return [each for each in self.history if each != self.assessment]

    @property
    def asks_reason(self) -> bool:
        """Is there an opinion in sight, or to come, from which one may depart?"""
        if self.state == OpinionState.PENDING:
            return not any(image.veiled for image in self.images)
        return self.state == OpinionState.READY and not self.veiled

    @property
    def changed_mind(self) -> bool:
        return self.assessment is not None and veil.changed_mind(self.assessment, self.first)


@dataclass
class Review:
    """Everything the review page of a visit shows. `pending`: an opinion will still arrive.

    `absent` are images, one of each, of the patient's lesions that this visit shows nothing of;
    `unseen` those of these lesions that no visit has an image of.
    """

    study: Study
    patient: Patient
    claim: Claim | None
    opted_out: bool
    lesions: list[ReviewLesion]
    unassigned: list[ImageRow]
    reports: list[Report]
    absent: list[Instance]
    unseen: list[Lesion]

    @property
    def pending(self) -> bool:
        rows = [image for lesion in self.lesions for image in lesion.images] + self.unassigned
        return any(row.state == OpinionState.PENDING for row in rows)

    @property
    def unconfirmed(self) -> list[ReviewLesion]:
        """Lesions that no report can speak of before somebody has said what holds."""
        return [each for each in self.lesions if each.unconfirmed]

    @property
    def ready_to_report(self) -> list[Assessment]:
        """The newest assessments of this visit that hold, and that no signed report holds yet."""
        signed = [each for each in self.reports if each.status == Report.Status.SIGNED]
        reported = _held(signed)
        newest = [each.assessment for each in self.lesions if each.assessment is not None]
        return [each for each in newest if each.pk not in reported and not veil.unconfirmed(each)]


def review(actor: Actor, study_id: uuid.UUID, *, again: bool = False) -> Review:
    """A visit as its review page shows it; NotFound (and an event) for another clinic's.

    A look that is written down, except `again`: nothing of it will be shown.
    """
    with clinic_context(actor.clinic_id):
        study = policies.find(actor, "view", Study.objects.select_related("patient"), pk=study_id)
        if not again:
            audit.viewed_study(actor, study)
        without = opted_out({study.patient_id})
        here = Instance.objects.filter(study=study)
        lesions = here.exclude(lesion=None).values("lesion")
        assessments = list(
            Assessment.objects.filter(lesion__in=lesions)
            .select_related("author", "study", "withdrawal")
            .order_by("-version")
        )
        standing = [each for each in assessments if getattr(each, "withdrawal", None) is None]
        # Of this patient, though it says nothing new: among all the images an index begins there.
        instances = (here | _before(study, lesions)).filter(patient_id=study.patient_id)
        instances = instances.select_related("lesion", "study")
        rows = image_rows(
            instances.order_by("created_at", "id"), standing, without, actor=actor
        )  # fmt: skip
        current, past = _split(study, rows)
        groups, unassigned = by_lesion(current)
        reports = list(
            Report.objects.filter(study=study)
            .select_related("replaced_by", "signed_by", "composed_by")
            .prefetch_related("items")
        )
        made = [
            _lesion(
                study,
                lesion_row(lesion, images, _of(standing, lesion.pk, study.pk)),
                past[lesion.pk],
                standing,
            )
            for lesion, images in groups.items()
        ]
        _add_history(actor, study, made, assessments, reports)
        _add_histology(made)
        absent, unseen = _elsewhere(study, {row.lesion.pk for row in made})
        return Review(
            study=study,
            patient=study.patient,
            claim=claims.live().filter(study=study).select_related("doctor").first(),
            opted_out=bool(without),
            lesions=made,
            unassigned=unassigned,
            reports=reports,
            absent=absent,
            unseen=unseen,
        )


def _before(study: Study, lesions: QuerySet[Instance, Any]) -> QuerySet[Instance]:
    return Instance.objects.filter(lesion__in=lesions, study__acquired_at__lt=study.acquired_at)


def _split(
    study: Study, rows: list[ImageRow]
) -> tuple[list[ImageRow], dict[uuid.UUID | None, list[ImageRow]]]:
    past: dict[uuid.UUID | None, list[ImageRow]] = defaultdict(list)
    for row in rows:
        if row.instance.study_id != study.pk:
            past[row.instance.lesion_id].append(row)
    return [row for row in rows if row.instance.study_id == study.pk], past


def _of(
    assessments: list[Assessment], lesion_id: uuid.UUID, study_id: uuid.UUID
) -> list[Assessment]:
    return [
        each for each in assessments if (each.lesion_id, each.study_id) == (lesion_id, study_id)
    ]


def _lesion(
    study: Study, row: LesionRow, past: list[ImageRow], standing: list[Assessment]
) -> ReviewLesion:
    visits: dict[uuid.UUID, list[ImageRow]] = defaultdict(list)
    for image in past:
        visits[image.instance.study_id].append(image)
    earlier = []
    for study_id, images in visits.items():
        made = _of(standing, row.lesion.pk, study_id)
        earlier.append(EarlierVisit(images[0].instance.study, images, made[0] if made else None))
    earlier.sort(key=lambda visit: visit.study.acquired_at, reverse=True)
    return ReviewLesion(
        lesion=row.lesion,
        images=row.images,
        opinion=row.opinion,
        state=row.state,
        assessment=row.assessment,
        open=row.open,
        veiled=row.veiled,
        earlier=earlier,
    )


def _add_history(
    actor: Actor,
    study: Study,
    rows: list[ReviewLesion],
    assessments: list[Assessment],
    reports: list[Report],
) -> None:
    reported = _held(reports)
    for row in rows:
        row.history = _of(assessments, row.lesion.pk, study.pk)
        made = row.assessment
        if made is None:
            continue
        row.first = veil.impression_among(made, row.history)
        own = actor.user is not None and made.author_id == actor.user.pk
        row.may_undo = own and made.pk not in reported


def _add_histology(rows: list[ReviewLesion]) -> None:
    newest = (
        Histology.objects.filter(lesion__in=[row.lesion.pk for row in rows])
        .order_by("lesion_id", "-version")
        .distinct("lesion_id")
    )
    by_id = {each.lesion_id: each for each in newest if each.diagnosis}
    for row in rows:
        row.histology = by_id.get(row.lesion.pk)


def _held(reports: Iterable[Report]) -> set[uuid.UUID]:
    """The assessments that reports hold; their items were fetched."""
    return {item.assessment_id for each in reports for item in each.items.all()}


def _elsewhere(study: Study, shown: set[uuid.UUID]) -> tuple[list[Instance], list[Lesion]]:
    """Of the patient's other lesions the last image up to this visit; and those without one."""
    others = Lesion.objects.filter(patient_id=study.patient_id).exclude(pk__in=shown)
    lesions = {each.pk: each for each in others.order_by("number")}
    newest = (
        Instance.objects.filter(lesion__in=lesions, study__acquired_at__lt=study.acquired_at)
        .select_related("lesion", "study")
        .order_by("lesion_id", "-study__acquired_at", "-created_at")
        .distinct("lesion_id")
    )
    found = sorted(newest, key=lambda each: each.lesion.number if each.lesion else 0)
    seen = {each.lesion_id for each in found}
    return found, [each for each in lesions.values() if each.pk not in seen]
