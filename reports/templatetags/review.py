"""What the doctor's pages show in words: diagnoses, moments of a frozen report."""

from datetime import date, datetime

from django import template

from reports import diagnoses
from reports.models import OpinionState

register = template.Library()


@register.filter
def diagnosis(code: str) -> str:
    """A SNOMED CT code in words."""
    return diagnoses.display(code)


@register.filter
def counts_as_malignant(code: str) -> bool:
    """Malignant, in situ or premalignant."""
    known = diagnoses.DIAGNOSES.get(code)
    return known is not None and known.malignant


@register.filter
def day(text: str | None) -> date | None:
    """A day of a report's frozen content."""
    return date.fromisoformat(text) if text else None


@register.filter
def moment(text: str | None) -> datetime | None:
    """A point in time of a report's frozen content."""
    return datetime.fromisoformat(text) if text else None


@register.filter
def state_words(state: str) -> str:
    """What there is of an opinion, in words."""
    return str(OpinionState(state).label)
