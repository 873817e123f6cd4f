"""The clinic's phrases as pages show them."""

import calendar
from datetime import date
from typing import Any

from django.utils import timezone

from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from reports.diagnoses import display
from reports.models import Phrase


def phrases(actor: Actor, *, retired: bool = False) -> list[Phrase]:
    """The phrases in force, or those that were retired, by abbreviation."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", Phrase)
        return list(policies.visible(actor, Phrase.objects.filter(retired=retired)))


def as_filled_in(phrase: Phrase, today: date | None = None) -> dict[str, Any]:
    """What a phrase fills in: codes, management, the date, the sentence; `says` tells it aloud."""
    day = today or timezone.localdate()
    due = in_months(day, phrase.months).isoformat() if phrase.months else ""
    return {
        "abbreviation": phrase.abbreviation,
        "diagnoses": phrase.diagnoses,
        "management": phrase.management,
        "due": due,
        "sentence": phrase.sentence,
        "says": f"{display(phrase.diagnoses[0])}: {phrase.get_management_display()} {due}".strip(),
    }


def in_months(day: date, months: int) -> date:
    """The same day some months later; the month's last one where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
