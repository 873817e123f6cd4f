"""Looking for unusual access, and recording that somebody looked into it."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.disclosure import zone
from dermaclinic.audit.flag_review import FlagReview
from dermaclinic.audit.models import Event
from dermaclinic.audit.selectors import as_text
from dermaclinic.audit.unusual import Flag, day_begins, flags
from dermaclinic.errors import Forbidden, Invalid

DAYS = 30  # looked through when nobody says how many
LONGEST = 92  # days at a time
SALT = "dermaclinic.audit.flag"


@dataclass(frozen=True)
class Looked:
    """A flag with the reviews that it has had, the first one first; `token` names it in a form."""

    flag: Flag
    reviews: list[FlagReview]
    token: str
    own: bool

    @property
    def new_since(self) -> int:
        """Accesses that came after the last review; all when there was none."""
        return self.flag.accesses - (self.reviews[-1].accesses if self.reviews else 0)


@dataclass(frozen=True)
class Unusual:
    """The flags of some days, those that nobody looked into first; `cut`: there were more."""

    since: date
    until: date
    found: list[Looked]
    cut: bool

    @property
    def flags(self) -> list[Flag]:
        return [each.flag for each in self.found]

    @property
    def open(self) -> int:
        """How many are still to be looked into."""
        return sum(1 for each in self.found if each.new_since > 0)


def unusual(*, actor: Actor, since: date | None = None, until: date | None = None) -> Unusual:
    """Unusual access from `since` to `until`, both included; the last DAYS days by default.

    Raises Forbidden; Invalid for more than LONGEST days. A look that is written down.
    """
    last = until or timezone.localdate(timezone=zone())
    first = since or last - timedelta(days=DAYS - 1)
    if not 0 <= (last - first).days < LONGEST:
        sentence = _("Choose at most %(days)d days.") % {"days": LONGEST}
        raise Invalid(sentence, errors={"since": [sentence]})
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", FlagReview)
        begins, ends = day_begins(first), day_begins(last + timedelta(days=1))
        events = Event.objects.filter(clinic_id=actor.clinic_id, at__gte=begins, at__lt=ends)
        found, cut = flags(events)
        known = _reviews(actor, begins, ends)
        audit.viewed_unusual(
            actor, filters=as_text({"since": first, "until": last}), shown=len(found)
        )
    looked = [_looked(actor, flag, known) for flag in found]
    return Unusual(first, last, sorted(looked, key=lambda each: each.new_since <= 0), cut)


def _reviews(
    actor: Actor, begins: datetime, ends: datetime
) -> dict[tuple[Any, ...], list[FlagReview]]:
    known: dict[tuple[Any, ...], list[FlagReview]] = defaultdict(list)
    earliest = begins - timedelta(hours=1)  # an hour that began before the first day did
    rows = policies.visible(actor, FlagReview.objects.filter(begins__gte=earliest, begins__lt=ends))
    for row in rows.select_related("reviewed_by"):
        known[row.kind, row.person_id, row.patient_id, row.begins].append(row)
    return known


def _looked(actor: Actor, flag: Flag, known: dict[tuple[Any, ...], list[FlagReview]]) -> Looked:
    told = {
        "clinic": str(actor.clinic_id),
        "kind": flag.kind,
        "person": str(flag.person),
        "patient": str(flag.patient_id) if flag.patient_id else "",
        "begins": flag.begins.isoformat(),
        "accesses": flag.accesses,
    }
    own = actor.user is not None and flag.person == actor.user.pk
    return Looked(flag, known.get(flag.key, []), signing.dumps(told, salt=SALT), own)


def review(*, actor: Actor, token: str, note: str) -> FlagReview:
    """Record what somebody found out about a flag; `token` is the one that the page gave.

    Raises Forbidden, also to the person whose accesses they are; Invalid without a note, or when
    the token is not this clinic's.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", FlagReview)
        told = _told(actor, token)
        note = note.strip()
        if not note:
            sentence = _("Say in a few words what you found out.")
            raise Invalid(sentence, errors={"note": [sentence]})
        if uuid.UUID(told["person"]) == actor.person.pk:
            raise Forbidden(_("Somebody else must look into your own accesses."))
        made = FlagReview.objects.create(
            clinic_id=actor.clinic_id,
            kind=told["kind"],
            person_id=uuid.UUID(told["person"]),
            patient_id=uuid.UUID(told["patient"]) if told["patient"] else None,
            begins=datetime.fromisoformat(told["begins"]),
            accesses=told["accesses"],
            note=note,
            reviewed_by=actor.person,
        )
        audit.reviewed_flag(actor, made)
    return made


def _told(actor: Actor, token: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        told = {}
    if told.get("clinic") != str(actor.clinic_id):
        raise Invalid(_("This page is out of date. Open it again."))
    return told
