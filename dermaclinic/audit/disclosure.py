"""Who accessed one patient's record, in words for that patient (GDPR art. 15 (1) and (3)).

Equal deeds of one person on one day stand on one line with their number: a visit with twelve images
is one line "looked at an image", not twelve. Nothing of another patient comes out of here: of a
search or a list that showed several, only that it showed this one.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, Count, Max, Min, QuerySet, Value, When
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _, gettext_lazy
from django_stubs_ext import StrOrPromise

from dermaclinic.audit import same_person
from dermaclinic.audit.groups import PURPOSES
from dermaclinic.audit.models import Event, Outcome
from dermaclinic.audit.vocabulary import ACTIONS
from dermaclinic.errors import Invalid

MOST_LINES = 3000  # some hundred pages; who has more asks for a year at a time

# For the patient, where the administrator's words would be strange.
WORDS: dict[str, StrOrPromise] = {
    "patient.viewed": gettext_lazy("opened your record"),
    "patient.registered": gettext_lazy("made your record"),
    "patient.changed": gettext_lazy("changed your personal data"),
    "patient.searched": gettext_lazy("made a search that listed you"),
    "patient.merged": gettext_lazy("made one record of two of yours"),
    "patient.merge_undone": gettext_lazy("made two records of one of yours again"),
    "patient.merge_previewed": gettext_lazy("compared your record with another one"),
    "patient.merge_undo_previewed": gettext_lazy("considered making two records of yours again"),
    "consent.recorded": gettext_lazy("recorded what you agreed to"),
    "worklist.viewed": gettext_lazy("opened a list of visits with yours in it"),
    "study.started": gettext_lazy("began a visit of yours"),
    "study.viewed": gettext_lazy("opened a visit of yours"),
    "study.preloaded": gettext_lazy("had a visit of yours brought ahead, without opening it"),
    "study.claimed": gettext_lazy("took a visit of yours for review"),
    "study.released": gettext_lazy("gave back a visit of yours"),
    "image.viewed": gettext_lazy("looked at an image of you"),
    "image.preloaded": gettext_lazy("had an image of you brought ahead, without seeing it"),
    "image.admitted": gettext_lazy("stored an image of you"),
    "image.moved": gettext_lazy("moved an image into or out of your record"),
    "lesion.added": gettext_lazy("noted a skin lesion of yours"),
    "lesion.changed": gettext_lazy("corrected a note on a skin lesion of yours"),
    "lesion.compared": gettext_lazy("compared images of a skin lesion of yours"),
    "lesion.placed": gettext_lazy("marked a skin lesion of yours on the body map"),
    "lesion.viewed": gettext_lazy("opened the page of a skin lesion of yours"),
    "prediction.requested": gettext_lazy("asked the software for an opinion on an image of you"),
    "prediction.viewed": gettext_lazy("looked at the software's opinion on an image of you"),
    "prediction.ready": gettext_lazy("formed an opinion on an image of you"),
    "prediction.shadow_requested": gettext_lazy("read an image of you with a model on trial"),
    "assessment.recorded": gettext_lazy("assessed a skin lesion of yours"),
    "assessment.viewed": gettext_lazy("looked at an assessment of yours"),
    "assessment.withdrawn": gettext_lazy("took an assessment of yours back"),
    "histology.recorded": gettext_lazy("recorded a laboratory's result of yours"),
    "histology.viewed": gettext_lazy("looked at laboratory results of yours"),
    "similar.viewed": gettext_lazy("looked at similar cases beside an image of you"),
    "report.viewed": gettext_lazy("opened a report about you"),
    "report.signed": gettext_lazy("signed a report about you"),
    "report.composed": gettext_lazy("wrote a draft of a report about you"),
    "report.rendered": gettext_lazy("made the document of a report about you"),
    "access.denied": gettext_lazy("asked for something of yours that their role does not allow"),
    "audit.accesses_viewed": gettext_lazy("looked up who had accessed your record"),
    "audit.disclosed": gettext_lazy("made this list for you"),
}
# Where this patient was one of several, and somebody else was the one that it was about.
ASIDE: dict[str, StrOrPromise] = {
    "similar.viewed": gettext_lazy("was shown an unnamed image of you as a similar case")
}


@dataclass(frozen=True)
class Line:
    """What one person, or one job of the software, did of one kind on one day, `times` times."""

    day: date
    first: datetime
    last: datetime
    times: int
    person: str  # "" for the software
    role: str
    what: str
    why: str


@dataclass(frozen=True)
class Accesses:
    """All lines, newest first: of people, of the software by itself, and what was refused."""

    people: list[Line]
    software: list[Line]
    refused: list[Line]
    events: int
    sealed: int

    @property
    def lines(self) -> int:
        return len(self.people) + len(self.software) + len(self.refused)

    @property
    def persons(self) -> int:
        """How many different people; two of the same name count as one."""
        return len({(line.person, line.role) for line in self.people})


def zone() -> ZoneInfo:
    """The clinic's time zone."""
    return ZoneInfo(settings.CLINIC_TIME_ZONE)


def accesses(found: QuerySet[Event], patient: uuid.UUID) -> Accesses:
    """Of these events, which concern the patient, what the patient is told.

    Call it in the clinic's context. Invalid when there are more than MOST_LINES lines.
    """
    ids = [patient, *(period.patient for period in same_person.periods(patient))]
    direct = Case(When(patient_id__in=ids, then=Value(True)), default=Value(False))
    by = ("day", "actor_id", "actor__full_name", "role", "action", "outcome", "purpose", "direct")
    days: Any = found.order_by().annotate(day=TruncDate("at", tzinfo=zone()), direct=direct)
    grouped = days.values(*by).annotate(first=Min("at"), last=Max("at"), times=Count("pk"))
    rows = list(grouped.order_by("-day", "-last", "action")[: MOST_LINES + 1])
    if len(rows) > MOST_LINES:
        raise Invalid(_("That is too much for one list. Choose a shorter time, a year perhaps."))
    refused = [row for row in rows if row["outcome"] == Outcome.DENIED]
    done = [row for row in rows if row["outcome"] != Outcome.DENIED]
    counted = found.order_by().aggregate(events=Count("pk"), sealed=Count("sealed"))
    return Accesses(
        people=_lines(done, lambda row: row["actor_id"] is not None),
        software=_lines(done, lambda row: row["actor_id"] is None),
        refused=_lines(refused, lambda _row: True),
        **counted,
    )


def _lines(rows: list[dict[str, Any]], keep: Callable[[dict[str, Any]], bool]) -> list[Line]:
    return [
        Line(
            day=row["day"],
            first=row["first"],
            last=row["last"],
            times=row["times"],
            person=row["actor__full_name"] or "",
            role=row["role"],
            what=_words(row),
            why=str(PURPOSES.get(row["purpose"], row["purpose"])),
        )
        for row in rows
        if keep(row)
    ]


def _words(row: dict[str, Any]) -> str:
    action = row["action"]
    aside = None if row["direct"] else ASIDE.get(action)
    words = str(aside or WORDS.get(action) or ACTIONS.get(action, action))
    return _("%(what)s (this failed)") % {"what": words} if row["outcome"] == "failure" else words
