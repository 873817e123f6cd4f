"""What the doctor's pages show in words: diagnoses, moments of a frozen report."""

from datetime import date, datetime

from django import template
from django.template.context import Context
from django.utils.translation import gettext_lazy as _

from inference.templatetags.opinion import lens
from reports import diagnoses
from reports.models import OpinionState
from reports.selectors import WorklistRow

register = template.Library()


@register.filter
def diagnosis(code: str) -> str:
    """A SNOMED CT code in words."""
    return diagnoses.display(code)


@register.filter
def warning(code: str) -> str:
    """Premalignant, in situ or malignant, in a word; nothing for the rest."""
    return diagnoses.warning(code)


@register.filter
def day(text: str | None) -> date | None:
    """A day of a report's frozen content."""
    return date.fromisoformat(text) if text else None


@register.filter
def moment(text: str | None) -> datetime | None:
    """A point in time of a report's frozen content."""
    return datetime.fromisoformat(text) if text else None


_STATES = {
    OpinionState.READY: _("opinion is here"),
    OpinionState.PENDING: _("opinion on its way"),
    OpinionState.DECLINED: _("opinion declined"),
    OpinionState.FAILED: _("opinion failed"),
    OpinionState.MISSING: _("no opinion asked for"),
    OpinionState.OPTED_OUT: _("no opinion agreed to"),
}


@register.filter
def state_words(state: str) -> str:
    """What there is of an opinion, in a few words."""
    return str(_STATES[OpinionState(state)])


@register.simple_tag(takes_context=True)
def malignant_share(context: Context, row: WorklistRow) -> float | None:
    """The greatest malignant share among the images of a visit that wait, as the clinic sees it."""
    images = [image for lesion in row.lesions for image in lesion.images] + row.unassigned
    read = (
        lens(context).shown(image.prediction)
        for image in images
        if image.prediction is not None and image.state == OpinionState.READY and not image.seen
    )
    return max((each.malignant for each in read if each), default=row.malignant_probability)
