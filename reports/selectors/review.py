"""The review page of a visit: lesions, images, opinions, earlier visits and assessments."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from patients.models import Patient
from reports.models import Assessment, Claim, OpinionState, Report
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
    """A lesion with its assessments at this visit (newest first), and its earlier visits."""

    history: list[Assessment] = field(default_factory=list)
    earlier: list[EarlierVisit] = field(default_factory=list)


@dataclass
class Review:
    """Everything the review page of a visit shows. `pending`: an opinion will still arrive."""

    study: Study
    patient: Patient
    claim: Claim | None
    opted_out: bool
    lesions: list[ReviewLesion]
    unassigned: list[ImageRow]
    reports: list[Report]

    @property
    def pending(self) -> bool:
        rows = [image for lesion in self.lesions for image in lesion.images] + self.unassigned
        return any(row.state == OpinionState.PENDING for row in rows)

    @property
    def ready_to_report(self) -> list[Assessment]:
        """The newest assessments of this visit that no signed report holds yet."""
        reported = {
            item.assessment_id
            for each in self.reports
            if each.status == Report.Status.SIGNED
            for item in each.items.all()
        }
        newest = [each.assessment for each in self.lesions if each.assessment is not None]
        return [each for each in newest if each.pk not in reported]


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
        before = Instance.objects.filter(
            lesion__in=lesions, study__acquired_at__lt=study.acquired_at
        )
        instances = (here | before).select_related("lesion", "study")
        assessments = list(
            Assessment.objects.filter(lesion__in=lesions)
            .select_related("author", "study")
            .order_by("-version")
        )
        current, past = _split(
            study, image_rows(instances.order_by("created_at", "id"), assessments, without)
        )
        groups, unassigned = by_lesion(current)
        return Review(
            study=study,
            patient=study.patient,
            claim=claims.live().filter(study=study).select_related("doctor").first(),
            opted_out=bool(without),
            lesions=[
                _lesion(study, lesion_row(lesion, images, _of(assessments, lesion.pk, study.pk)),
                        past[lesion.pk], assessments)
                for lesion, images in groups.items()
            ],
            unassigned=unassigned,
            reports=list(
                Report.objects.filter(study=study)
                .select_related("replaced_by", "signed_by", "composed_by")
                .prefetch_related("items")
            ),
        )  # fmt: skip


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
    study: Study, row: LesionRow, past: list[ImageRow], assessments: list[Assessment]
) -> ReviewLesion:
    visits: dict[uuid.UUID, list[ImageRow]] = defaultdict(list)
    for image in past:
        visits[image.instance.study_id].append(image)
    earlier = []
    for study_id, images in visits.items():
        made = _of(assessments, row.lesion.pk, study_id)
        earlier.append(EarlierVisit(images[0].instance.study, images, made[0] if made else None))
    earlier.sort(key=lambda visit: visit.study.acquired_at, reverse=True)
    return ReviewLesion(
        lesion=row.lesion,
        images=row.images,
        opinion=row.opinion,
        state=row.state,
        assessment=row.assessment,
        open=row.open,
        history=_of(assessments, row.lesion.pk, study.pk),
        earlier=earlier,
    )
