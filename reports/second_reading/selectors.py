"""Everything that reads second readings for a page or the API."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership, Role, User
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from inference.models import Prediction
from patients.models import Lesion, Purpose
from patients.services import allows
from reports.models import (
    Consensus,
    ConsensusProposal,
    ReportAssessment,
    SecondReading,
)
from reports.second_reading import blind, consensus

SHOWN = 50  # rows of a page: the oldest
RECENT = timedelta(days=14)


@dataclass
class WaitingRow:
    """A lesion that waits for its second reader. `holder` has it until `reading` says."""

    reading: SecondReading
    images: list[Instance]
    holder: User | None
    mine: bool


@dataclass
class Listing:
    """What waits for this doctor, oldest first, and for others; disputes that they may decide."""

    rows: list[WaitingRow]
    more: bool
    for_others: int
    disputes: list[SecondReading]
    recent: list[SecondReading]


@dataclass
class Earlier:
    """The same lesion at an earlier visit: its images, and nothing that was said of them."""

    study: Study
    images: list[Instance]


class State(StrEnum):
    """What a second reading's page shows."""

    COVER = "cover"  # who it is about, and how to begin
    BLIND = "blind"  # the images, to the doctor who holds it
    COMPARED = "compared"  # both readings and the opinion, once it was read


@dataclass
class ReadingPage:
    """`objection` is why the doctor cannot read it, empty otherwise. See `State`.

    `opinion` is what the first reading was compared with, None where there is none to show.
    """

    reading: SecondReading
    state: State
    objection: str = ""
    images: list[Instance] = field(default_factory=list)
    earlier: list[Earlier] = field(default_factory=list)
    opinion: Prediction | None = None
    decided: Consensus | None = None
    proposals: list[ConsensusProposal] = field(default_factory=list)
    part: consensus.Part = consensus.Part.NONE

    @property
    def lesion(self) -> Lesion:
        """Of which the reading is."""
        return self.reading.lesion


@dataclass(frozen=True)
class OpenReading:
    """A lesion of a report whose second reading is not over; `disputed` when the two differ."""

    lesion: Lesion
    disputed: bool
    reading_id: uuid.UUID


def listing(actor: Actor) -> Listing:
    """The page of second readings, in a constant number of queries; a look."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", SecondReading)
        waiting = policies.visible(
            actor, SecondReading.objects.filter(closed_at=None, read_at=None)
        )
        found = list(_ordered(readable(actor))[: SHOWN + 1])
        rows = waiting_rows(actor, found[:SHOWN])
        disputes = list(_disputes(actor))
        recent = list(
            policies.visible(actor, SecondReading.objects.exclude(read_at=None))
            .filter(Q(reader=actor.person) | Q(first__author=actor.person))
            .filter(closed_at__gte=timezone.now() - RECENT)
            .select_related("lesion", "patient", "reader", "first__author")
            .order_by("-closed_at")[:SHOWN]
        )
        audit.viewed_second_readings(
            actor,
            shown=dict.fromkeys(each.patient_id for each in [*found[:SHOWN], *disputes, *recent]),
            readings=[each.pk for each in [*found[:SHOWN], *disputes, *recent]],
        )
        return Listing(
            rows=rows,
            more=len(found) > SHOWN,
            for_others=max(0, waiting.count() - readable(actor).count()),
            disputes=disputes,
            recent=recent,
        )


def readable(actor: Actor) -> QuerySet[SecondReading]:
    """Those that wait and that the actor can read blind. Call it in the clinic's context."""
    rows = policies.visible(actor, blind.blind_to(actor))
    return rows.filter(closed_at=None, read_at=None)


def waiting_rows(actor: Actor, readings: list[SecondReading]) -> list[WaitingRow]:
    """The rows of such readings with their images; two queries. The caller writes down the look."""
    live = {each.pk for each in blind.held().filter(pk__in=[row.pk for row in readings])}
    wanted = {pk for each in readings for pk in each.first.images}
    images = Instance.objects.filter(pk__in=wanted).order_by("created_at", "id")
    by_place: dict[tuple[uuid.UUID, uuid.UUID | None], list[Instance]] = defaultdict(list)
    for image in images:
        by_place[image.study_id, image.lesion_id].append(image)
    return [
        WaitingRow(
            reading=each,
            images=by_place[each.study_id, each.lesion_id],
            holder=each.claimed_by if each.pk in live else None,
            mine=each.pk in live and each.claimed_by_id == actor.person.pk,
        )
        for each in readings
    ]


def _ordered(rows: QuerySet[SecondReading]) -> QuerySet[SecondReading]:
    related = rows.select_related("first", "lesion", "patient", "study", "claimed_by")
    return related.order_by("asked_at", "id")


def _disputes(actor: Actor) -> QuerySet[SecondReading]:
    """Those that the actor may help to decide, oldest first; see consensus.part_of."""

    def gone(who: str) -> Q:
        return ~Q(
            Exists(
                Membership.objects.filter(
                    clinic=OuterRef("clinic"),
                    user=OuterRef(who),
                    role=Role.DOCTOR,
                    is_active=True,
                    user__is_active=True,
                )
            )
        )

    rows = policies.visible(actor, SecondReading.objects.filter(closed_at=None, outcome="differs"))
    return rows.filter(
        Q(first__author=actor.person)
        | Q(reader=actor.person)
        | Q(third_asked_at__isnull=False)
        | gone("first__author")
        | gone("reader")
    ).select_related("lesion", "patient", "first__author", "reader")


def reading_page(actor: Actor, reading_id: uuid.UUID) -> ReadingPage:
    """A second reading as this doctor may see it now; a look that is written down.

    NotFound (and an event) for another clinic's.
    """
    with clinic_context(actor.clinic_id):
        rows = SecondReading.objects.select_related(
            "patient", "lesion", "study", "first__author", "first__opinion__model_version",
            "reader", "claimed_by", "third_asked_by",
        )  # fmt: skip
        reading = policies.find(actor, "view", rows, pk=reading_id)
        if reading.read_at is not None:
            page = _compared(actor, reading)
        elif blind.held().filter(pk=reading.pk, claimed_by=actor.person).exists():
            page = ReadingPage(reading, State.BLIND, images=_images(reading))
            page.earlier = _earlier(reading)
        else:
            page = ReadingPage(reading, State.COVER, objection=_objection(actor, reading))
        audit.viewed_second_reading(actor, reading, form=page.state.value)
    return page


def _objection(actor: Actor, reading: SecondReading) -> str:
    if reading.closed_at is not None:
        return _("The first reading has changed meanwhile: this one is not to be read any more.")
    if sentence := blind.objection(actor, reading):
        return sentence
    other = blind.held().filter(pk=reading.pk).select_related("claimed_by").first()
    if other is not None and other.claimed_by is not None:
        return _("%(doctor)s is reading it.") % {"doctor": other.claimed_by.full_name}
    return ""


def _compared(actor: Actor, reading: SecondReading) -> ReadingPage:
    decided = (
        Consensus.objects.filter(reading=reading)
        .select_related("proposed_by", "agreed_by", "assessment")
        .first()
    )
    live = reading.proposals.filter(withdrawn_at=None).select_related("author")
    return ReadingPage(
        reading,
        State.COMPARED,
        images=_images(reading),
        earlier=_earlier(reading),
        opinion=reading.first.opinion if allows(reading.patient, Purpose.AI_OPINION) else None,
        decided=decided,
        proposals=list(live) if reading.disputed else [],
        part=consensus.part_of(actor, reading) if reading.disputed else consensus.Part.NONE,
    )


def _images(reading: SecondReading) -> list[Instance]:
    """What the first reader saw, as far as it is filed there still."""
    found = Instance.objects.filter(
        pk__in=reading.first.images, study=reading.study_id, lesion=reading.lesion_id
    )
    return list(found.order_by("created_at", "id"))


def _earlier(reading: SecondReading) -> list[Earlier]:
    images = (
        Instance.objects.filter(
            lesion=reading.lesion_id, study__acquired_at__lt=reading.study.acquired_at
        )
        .select_related("study")
        .order_by("-study__acquired_at", "created_at", "id")
    )
    visits: dict[uuid.UUID, Earlier] = {}
    for image in images:
        visits.setdefault(image.study_id, Earlier(image.study, [])).images.append(image)
    return list(visits.values())


def open_readings(
    actor: Actor, report_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[OpenReading]]:
    """By report, its lesions whose second reading is not over; two queries for any number.

    For pages that show these reports, which write down the look. Empty for reports without any.
    """
    with clinic_context(actor.clinic_id):
        items = ReportAssessment.objects.filter(report__in=report_ids)
        told: dict[uuid.UUID, set[tuple[uuid.UUID, uuid.UUID]]] = defaultdict(set)
        for report, study, lesion in items.values_list(
            "report_id", "assessment__study_id", "assessment__lesion_id"
        ):
            told[report].add((study, lesion))
        rows = SecondReading.objects.filter(
            closed_at=None, study__in={study for each in told.values() for study, _l in each}
        ).select_related("lesion")
        waiting = {(each.study_id, each.lesion_id): each for each in rows}
    found: dict[uuid.UUID, list[OpenReading]] = {}
    for report, places in told.items():
        here = [waiting[place] for place in places if place in waiting]
        if here:
            here.sort(key=lambda each: each.lesion.number)
            found[report] = [OpenReading(each.lesion, each.disputed, each.pk) for each in here]
    return found
