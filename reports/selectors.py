"""Everything that reads for the pages and the API: worklist, review of a visit, reports.

Call them inside the clinic's context; recording that somebody looked (`audit.viewed_…`) is the
view's part.
"""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import QuerySet

from dermaclinic.accounts.actor import Actor
from imaging.models import Instance, Study
from inference.models import Prediction
from patients.models import Lesion, Patient
from reports.models import Assessment, Claim, Report


class OpinionState(StrEnum):
    """What there is of an opinion on a lesion at a visit."""

    READY = "ready"
    PENDING = "pending"
    DECLINED = "declined"
    FAILED = "failed"
    MISSING = "missing"
    OPTED_OUT = "opted_out"


class Urgency(StrEnum):
    """Why a visit stands where it stands in the worklist, from the top down."""

    NO_OPINION = "no_opinion"
    URGENT = "urgent"
    PENDING = "pending"
    ROUTINE = "routine"


@dataclass
class ImageRow:
    """An image and the newest opinion on it (`None`: never asked for)."""

    instance: Instance
    prediction: Prediction | None
    state: OpinionState
    seen: bool


@dataclass
class LesionRow:
    """A lesion at a visit. `opinion` is the one that an assessment would be compared with."""

    lesion: Lesion
    images: list[ImageRow]
    opinion: Prediction | None
    state: OpinionState
    assessment: Assessment | None
    open: bool


@dataclass
class WorklistRow:
    """A visit that waits for a doctor. `claim` is a live one; `key` is its place in the list."""

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


def worklist_studies(actor: Actor, *, which: str = "all") -> QuerySet[Study]:
    """Waiting visits, annotated with `urgency_rank`, `highest_probability` and `worklist_key`.

    Ordered by `worklist_key`, a unique text: DRF's CursorPagination takes it as its `ordering`.
    `which`: all, mine (claimed by me) or unclaimed.
    """
    raise NotImplementedError


def worklist_rows(actor: Actor, studies: list[Study]) -> list[WorklistRow]:
    """The rows of a page of `worklist_studies`, in a constant number of queries."""
    raise NotImplementedError


def worklist(
    actor: Actor, *, which: str = "all", after: str = "", limit: int = 25
) -> WorklistPage:
    """A page of the worklist, continuing behind the key `after`."""
    raise NotImplementedError


@dataclass
class EarlierVisit:
    """What an earlier visit showed of a lesion."""

    study: Study
    images: list[ImageRow]
    assessment: Assessment | None


@dataclass
class ReviewLesion(LesionRow):
    """A lesion on the review page, with its assessments at this visit (newest first) and before."""

    history: list[Assessment] = field(default_factory=list)
    earlier: list[EarlierVisit] = field(default_factory=list)


@dataclass
class Review:
    """Everything the review page of a visit shows. `pending`: something will still arrive."""

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


def review(actor: Actor, study_id: uuid.UUID) -> Review:
    """A visit as its review page shows it; NotFound (and an event) for another clinic's."""
    raise NotImplementedError


def report(actor: Actor, report_id: uuid.UUID) -> Report:
    """A report with patient, visit, signer, and `ordered_assessments`; NotFound for another clinic's."""
    raise NotImplementedError


def report_pdf(report: Report) -> bytes:
    """The PDF's bytes; Conflict with a sentence while it is being made or has failed."""
    raise NotImplementedError


def reports_of_patient(actor: Actor, patient_id: uuid.UUID) -> QuerySet[Report]:
    """A patient's reports, newest first."""
    raise NotImplementedError
