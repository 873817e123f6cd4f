"""Access that stands out, each with the reason: to be looked into, not a verdict.

Nothing is stored: the flags of a time are computed when somebody asks, with one grouped query a
rule, and no rule gives more than MOST. Rules that need patients' names stand a floor above and add
themselves to `rules` when they start (patients/namesakes.py). What is looked for follows the usual
list for records (own record, same name, after hours, many records, many denials). Not seen: a
public holiday, or lists paged through without a record opened.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, TruncDate, TruncHour
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _, gettext_lazy
from django_stubs_ext import StrOrPromise

from dermaclinic.audit.disclosure import zone
from dermaclinic.audit.models import Event, Outcome

MOST = 200  # flags of one kind
BULK = 40  # different patients in an hour: always
BULK_TIMES, BULK_LEAST = 4, 15  # so often the person's own usual, and at least so many
USUAL_HOURS = 5  # hours at work that make a usual
DENIALS = 5  # in an hour

KINDS: dict[str, StrOrPromise] = {
    "own-record": gettext_lazy("own record"),
    "same-name": gettext_lazy("same family name"),
    "out-of-hours": gettext_lazy("out of hours"),
    "bulk": gettext_lazy("many records at once"),
    "denials": gettext_lazy("many refusals"),
}


@dataclass(frozen=True)
class Flag:
    """Some accesses of one person that stand out together, within the day or hour at `begins`."""

    kind: str
    person: uuid.UUID
    name: str
    patient_id: uuid.UUID | None
    begins: datetime
    first: datetime
    last: datetime
    accesses: int
    patients: int
    reason: str

    @property
    def key(self) -> tuple[str, uuid.UUID, uuid.UUID | None, datetime]:
        """What stays the same when more accesses come to it."""
        return self.kind, self.person, self.patient_id, self.begins


Rule = Callable[[QuerySet[Event]], Iterator[Flag]]


def flags(found: QuerySet[Event]) -> tuple[list[Flag], bool]:
    """The flags among a clinic's events of some time, newest first, and whether any were left out.

    Call it in the clinic's context.
    """
    made: list[Flag] = []
    cut = False
    for rule in rules:
        several = list(islice(rule(found), MOST + 1))
        cut = cut or len(several) > MOST
        made += several[:MOST]
    return sorted(made, key=lambda flag: flag.last, reverse=True), cut


def opened(found: QuerySet[Event]) -> QuerySet[Event]:
    """What people did with one patient's data: not the software, not lists, not what was denied."""
    people = found.filter(actor__isnull=False, patient_id__isnull=False)
    return people.exclude(outcome=Outcome.DENIED).order_by()


def day_begins(day: date) -> datetime:
    """A day's first moment in the clinic's time zone."""
    return datetime.combine(day, time.min, zone())


def counted(found: Any, *by: str) -> Any:
    """A row for each person and what else it goes by: first, last, accesses, patients."""
    return found.values("actor_id", "actor__full_name", *by).annotate(
        first=Min("at"),
        last=Max("at"),
        accesses=Count("pk"),
        patients=Count("patient_id", distinct=True),
    )


def _out_of_hours(found: QuerySet[Event]) -> Iterator[Flag]:
    begins, ends = settings.CLINIC_HOURS
    open_ = Q(weekday__in=settings.CLINIC_DAYS, hour__gte=begins, hour__lt=ends)
    late = (
        opened(found)
        .annotate(
            weekday=ExtractIsoWeekDay("at", tzinfo=zone()), hour=ExtractHour("at", tzinfo=zone())
        )
        .exclude(open_)
        .annotate(day=TruncDate("at", tzinfo=zone()))
    )
    rows = counted(late, "day").order_by("-day", "-last")[: MOST + 1]
    reason = _("Outside of the clinic's hours: %(days)s, %(from)d to %(to)d o'clock, %(zone)s.") % {
        "days": ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in settings.CLINIC_DAYS),
        "from": begins,
        "to": ends,
        "zone": settings.CLINIC_TIME_ZONE,
    }
    for row in rows:
        yield _flag("out-of-hours", row, day_begins(row["day"]), reason)


def _bulk(found: QuerySet[Event]) -> Iterator[Flag]:
    hourly = opened(found).annotate(hour_of=TruncHour("at", tzinfo=UTC))
    rows = list(counted(hourly, "hour_of").order_by("-hour_of"))
    usual: dict[uuid.UUID, list[int]] = defaultdict(list)
    for row in rows:
        usual[row["actor_id"]].append(row["patients"])
    for row in rows:
        hours = usual[row["actor_id"]]
        if is_bulk(row["patients"], hours):
            number = {"number": row["patients"], "usual": round(median(hours))}
            known = len(hours) >= USUAL_HOURS
            reason = (
                _("%(number)d different records within an hour; usual is %(usual)d.") % number
                if known
                else _("%(number)d different records within an hour.") % number
            )
            yield _flag("bulk", row, row["hour_of"], reason)


def is_bulk(patients: int, hours: Sequence[int]) -> bool:
    """Does an hour with so many patients stand out from a person's hours at work, itself included?

    Above an absolute bound always; below it against the median, which one wild hour does not move.
    """
    if patients >= BULK:
        return True
    known = len(hours) >= USUAL_HOURS
    return known and patients >= max(BULK_LEAST, BULK_TIMES * median(hours))


def _denials(found: QuerySet[Event]) -> Iterator[Flag]:
    denied = found.filter(actor__isnull=False, outcome=Outcome.DENIED).order_by()
    hourly = denied.annotate(hour_of=TruncHour("at", tzinfo=UTC))
    many = counted(hourly, "hour_of").filter(accesses__gte=DENIALS)
    for row in many.order_by("-hour_of")[: MOST + 1]:
        reason = _("%(number)d requests refused within an hour.") % {"number": row["accesses"]}
        yield _flag("denials", row, row["hour_of"], reason)


def _flag(kind: str, row: dict[str, Any], begins: datetime, reason: str) -> Flag:
    return Flag(
        kind=kind,
        person=row["actor_id"],
        name=row["actor__full_name"],
        patient_id=None,
        begins=begins,
        first=row["first"],
        last=row["last"],
        accesses=row["accesses"],
        patients=row["patients"],
        reason=reason,
    )


rules: list[Rule] = [_out_of_hours, _bulk, _denials]
