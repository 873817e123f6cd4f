"""What a doctor has assessed and not yet signed: the visits that one signature can close."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from inference.lens import Lens
from reports import content, veil
from reports.models import Assessment, Report, ReportAssessment
from reports.services import composing

REACH = timedelta(days=30)
MOST = 60  # visits on a page, a full day; newer ones follow when these are signed


@dataclass
class SessionVisit:
    """A visit with one's own newest assessments that stand in no signed report.

    `lesions` is what a report would say of them, as `reports.content` freezes it. `refusal` says
    why they cannot be signed yet, `former` is the report that is to be amended instead, and
    `open_lesions` counts what nobody has assessed.
    """

    study: Study
    assessments: list[Assessment]
    lesions: list[dict[str, Any]] = field(default_factory=list)
    refusal: str = ""
    former: Report | None = None
    open_lesions: int = 0

    @property
    def complete(self) -> bool:
        """Nothing in the visit waits any more: chosen for signing unless one says no."""
        return not self.refusal and not self.open_lesions

    @property
    def value(self) -> str:
        """The visit with its assessments and what is said, as the form sends it back."""
        whom = content.patient(self.study.patient, self.study)
        said = content.said({"patient": whom, "lesions": self.lesions})
        ids = [self.study.pk, *(each.pk for each in self.assessments)]
        return ",".join([said, *map(str, ids)])


def session(actor: Actor, *, now: datetime | None = None) -> list[SessionVisit]:
    """The actor's unsigned visits of the last 30 days, the oldest MOST of them, oldest first.

    A look that is written down. A constant number of queries, whatever the number of visits.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "sign", Report)
        mine = _unsigned(actor, now or timezone.now())
        by_visit: dict[uuid.UUID, list[Assessment]] = defaultdict(list)
        for each in mine:
            by_visit[each.study_id].append(each)
        around = _Around.of(list(by_visit), mine)
        visits = [_visit(made, around) for made in by_visit.values()]
        audit.viewed_session(
            actor,
            shown=dict.fromkeys(visit.study.patient_id for visit in visits),
            studies=[visit.study.pk for visit in visits],
        )
    return visits


def _unsigned(actor: Actor, now: datetime) -> list[Assessment]:
    """Of no more than MOST visits, the oldest ones."""
    signed = ReportAssessment.objects.filter(
        assessment=OuterRef("pk"), report__status=Report.Status.SIGNED
    )
    newer = Assessment.objects.standing().filter(
        study=OuterRef("study"), lesion=OuterRef("lesion"), version__gt=OuterRef("version")
    )
    mine = (
        policies.visible(actor, Assessment.objects.standing())
        .filter(author=actor.person, recorded_at__gt=now - REACH)
        .exclude(Exists(signed))
        .exclude(Exists(newer))
    )
    oldest = Study.objects.filter(pk__in=mine.order_by().values("study")).order_by(
        "acquired_at", "pk"
    )
    chosen = list(oldest.values_list("pk", flat=True)[:MOST])
    return list(
        mine.filter(study__in=chosen)
        .select_related("study__patient", "lesion", "opinion")
        .prefetch_related("author", "opinion__model_version")  # the same few of all
        .defer("opinion__mask", "opinion__melanoma_saliency", "opinion__embedding")
        .order_by("study__acquired_at", "study_id", "lesion__number")
    )


@dataclass(frozen=True)
class _Around:
    """What else there is of the visits: images, which of them are assessed, signed reports, and
    what the doctor had recorded before seeing the opinions.
    """

    images: dict[uuid.UUID, list[Instance]]
    answered: set[uuid.UUID]
    signed: dict[tuple[uuid.UUID, uuid.UUID], Report]
    firsts: dict[uuid.UUID, Assessment]
    lens: Lens

    @classmethod
    def of(cls, studies: list[uuid.UUID], mine: list[Assessment]) -> "_Around":
        images: dict[uuid.UUID, list[Instance]] = defaultdict(list)
        for each in Instance.objects.filter(study__in=studies).order_by("created_at", "id"):
            images[each.study_id].append(each)
        made = Assessment.objects.standing().filter(study__in=studies)
        items = ReportAssessment.objects.filter(
            report__study__in=studies, report__status=Report.Status.SIGNED
        ).exclude(report__replaced_by__status=Report.Status.SIGNED)
        return cls(
            images=images,
            answered={pk for seen in made.values_list("images", flat=True) for pk in seen},
            signed={
                (each.report.study_id, each.assessment.lesion_id): each.report
                for each in items.select_related("report", "assessment")
            },
            firsts=veil.first_impressions(mine),
            lens=Lens.of(),
        )


def _visit(made: list[Assessment], around: _Around) -> SessionVisit:
    visit = SessionVisit(study=made[0].study, assessments=made)
    here = around.images[visit.study.pk]
    filed = {(image.pk, image.lesion_id): image for image in here}
    for each in made:
        places = [(pk, each.lesion_id) for pk in each.images]
        seen = [filed[place] for place in places if place in filed]
        first = around.firsts.get(each.pk)
        visit.lesions.append(content.lesion(each, seen, around.lens, first=first))
        former = around.signed.get((each.study_id, each.lesion_id))
        visit.former = visit.former or former
        visit.refusal = visit.refusal or composing.obstacle(
            each, intact=len(seen) == len(places), former=former
        )
    waiting = [image for image in here if image.pk not in around.answered]
    visit.open_lesions = len({image.lesion_id or image.pk for image in waiting})
    return visit
