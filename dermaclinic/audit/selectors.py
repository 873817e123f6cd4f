"""Reading the audit: newest first, filtered, a page at a time; each reading is an event itself."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import groups, same_person
from dermaclinic.audit.models import Event, Outcome

PAGE = 50


@dataclass(frozen=True)
class Page:
    """Some events, and where the next older ones begin (empty at the end)."""

    events: list[Event]
    older: str


def members(*, actor: Actor) -> list[Membership]:
    """The clinic's people, former ones too: the audit remembers them."""
    policies.require(actor, "view", Membership)
    people = policies.visible(actor, Membership.objects.select_related("user"))
    return list(people.order_by("user__full_name"))


def events(*, actor: Actor, filters: dict[str, Any], before: str = "") -> Page:
    """One page of the clinic's events.

    `filters` is as in `matching`. `before` is the `older` of the page above; what cannot be read
    is ignored.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", Event)
        found = matching(actor, filters)
        if place := _place(before):
            at, last = place
            # The first condition says nothing new, but an index can begin there.
            found = found.filter(at__lte=at).filter(Q(at__lt=at) | Q(pk__lt=last))
        rows = list(found.select_related("actor", "sealed").order_by("-at", "-pk")[: PAGE + 1])
        shown = rows[:PAGE]
        audit.viewed_audit(actor, filters=as_text(filters), shown=len(shown))
    older = f"{shown[-1].at.isoformat()}|{shown[-1].pk}" if len(rows) > PAGE else ""
    return Page(shown, older)


def did_lately(actor: Actor, action: str, object_id: uuid.UUID, *, within: timedelta) -> bool:
    """Is this on the actor's own record, of this object? Call it in the clinic's context."""
    done = Event.objects.filter(clinic_id=actor.clinic_id, actor=actor.person, action=action)
    since = timezone.now() - within
    return done.filter(outcome=Outcome.SUCCESS, object_id=str(object_id), at__gt=since).exists()


def as_text(filters: dict[str, Any]) -> dict[str, str]:
    """The filters that are set, as the audit keeps them."""
    return {name: str(value) for name, value in filters.items() if value}


def matching(actor: Actor, filters: dict[str, Any]) -> QuerySet[Event]:
    """The clinic's events that fit, in no order; call it in the clinic's context.

    `filters` has any of patient (UUID), actor (id), action (one, or "group." with a key of
    groups.py), outcome, purpose, since and until (days, both included, or moments, the later one
    not included), thumbnails (True: the small images of lists, too).
    """
    found = policies.visible(actor, Event.objects.all())
    if patient := filters.get("patient"):
        found = concerning(found, patient)
    if not filters.get("thumbnails"):
        found = found.exclude(action="image.viewed", detail__rendition="thumbnail")
    if person := filters.get("actor"):
        found = found.filter(actor_id=uuid.UUID(person))
    if action := filters.get("action"):
        found = found.filter(action__in=_actions(action))
    for name in ("outcome", "purpose"):
        if value := filters.get(name):
            found = found.filter(**{name: value})
    return within(found, filters.get("since"), filters.get("until"))


def concerning(found: QuerySet[Event], patient: uuid.UUID) -> QuerySet[Event]:
    """Those about a patient; and searches and lists that showed several patients with this one.

    Where the patient's data stood under another id for a time, those of that time, too.
    """
    numbers = RawSQL("SELECT audit_events_of_patient(%s)", [patient])
    if periods := same_person.periods(patient):
        # One list of numbers, in which an index is used: an OR of conditions reads every event.
        numbers = RawSQL(
            """
            SELECT audit_events_of_patient(%s) UNION
            SELECT e.id FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[])
                AS also (patient, since, until),
            LATERAL audit_events_of_patient(also.patient) AS number
            JOIN audit_event e ON e.id = number
            WHERE e.at >= coalesce(also.since, '-infinity')
              AND e.at < coalesce(also.until, 'infinity')
            """,
            [
                patient,
                [period.patient for period in periods],
                [period.since for period in periods],
                [period.until for period in periods],
            ],
        )
    return found.filter(pk__in=numbers)


def within(
    found: QuerySet[Event], since: date | datetime | None, until: date | datetime | None
) -> QuerySet[Event]:
    """Those from `since` to `until`: days, both included, or moments, the later one not."""
    if since:
        found = found.filter(at__gte=_moment(since))
    if until:
        found = found.filter(at__lt=_moment(until, days=1))
    return found


def _actions(wanted: str) -> list[str]:
    if wanted.startswith(groups.MARK):
        return groups.actions_of(wanted.removeprefix(groups.MARK))
    return [wanted]


def _moment(when: date | datetime, *, days: int = 0) -> datetime:
    """A moment as it is; of a day its beginning, or that of the day so many days later."""
    if isinstance(when, datetime):
        return when
    day = min(when, date.max - timedelta(days=days + 1))
    return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))


def _place(text: str) -> tuple[datetime, int] | None:
    at, _bar, number = text.partition("|")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    if moment is None or timezone.is_naive(moment) or not number.isdecimal():
        return None
    return moment, int(number)
