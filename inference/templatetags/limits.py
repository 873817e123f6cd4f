"""Why there is no opinion, or what limits one, in the reader's language, and what to do next."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from inference.models import Prediction, Status
from inference.network import intended, limits

register = template.Library()

_DECLINED = limits.REASONS | intended.NONE
_LIMITED = limits.LIMITED | intended.LIMITED


@register.filter
def declined_words(prediction: Prediction) -> str:
    """Why the network gave no opinion; what was written down then, where it is not a known code."""
    code = (prediction.result or {}).get("declined_code")
    return _(_DECLINED[code]) if code in _DECLINED else prediction.declined_reason


@register.filter
def limited_words(prediction: Prediction | None) -> list[str]:
    """What limits a given opinion, a sentence each; empty without an opinion or a limit."""
    if prediction is None or prediction.status != Status.READY:
        return []
    codes = (prediction.result or {}).get("limited", [])
    other = _("The network judges such images less well than others.")
    return [_(_LIMITED[code]) if code in _LIMITED else other for code in codes]


@register.inclusion_tag("inference/_limits.html")
def limited_notes(prediction: Prediction | None) -> dict[str, Any]:
    """The note above an opinion that has limits; nothing where it has none."""
    return {"notes": limited_words(prediction)}
