"""What pages show of an opinion: its differential, its threshold in words, what it was told."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.translation import gettext as _

from inference import selectors
from inference.models import Prediction
from inference.network.classes import CLASSES
from inference.network.metadata import FIELDS
from patients.body_sites import BODY_SITES
from patients.models import Sex

register = template.Library()

_MALIGNANT = {row.key for row in CLASSES if row.malignant}
_SITES = {site.metadata: site.display for site in BODY_SITES.values()}


@dataclass(frozen=True)
class Line:
    """A line of the differential. `in_set`: it belongs to the set of 90 % coverage."""

    key: str
    code: str
    display: str
    probability: float
    malignant: bool
    in_set: bool


@register.filter
def lines(prediction: Prediction) -> list[Line]:
    """The differential, most likely first; empty unless the opinion is ready."""
    kept = {each.key for each in selectors.prediction_set(prediction)}
    return [
        Line(
            key=each.key,
            code=each.code,
            display=each.display,
            probability=each.probability,
            malignant=each.key in _MALIGNANT,
            in_set=each.key in kept,
        )
        for each in selectors.differential(prediction)
    ]


@register.filter
def leaning(prediction: Prediction) -> Line | None:
    """The class that the image itself speaks for, where it is not the most probable one."""
    ranked = lines(prediction)
    decision = (prediction.result or {}).get("decision")
    if not ranked or decision in (None, ranked[0].key):
        return None
    return next((line for line in ranked if line.key == decision), None)


@register.filter
def point(prediction: Prediction) -> dict[str, Any]:
    """The operating point that the triage word rests on; empty without one."""
    return (prediction.result or {}).get("operating_point") or {}


@register.filter
def told(prediction: Prediction) -> list[str]:
    """What the network was told of the person, in words."""
    used: dict[str, Any] = (prediction.result or {}).get("metadata_used", {})
    words = []
    if "age" in used:
        words.append(_("age %(years)d") % {"years": used["age"]})
    if "sex" in used:
        words.append(str(Sex(used["sex"]).label))
    if "site" in used:
        words.append(str(_SITES.get(used["site"], used["site"])).lower())
    return words


@register.filter
def untold(prediction: Prediction) -> list[str]:
    """What it could have been told, and was not."""
    words = {"age": _("age"), "sex": _("sex"), "site": _("body site")}
    used = (prediction.result or {}).get("metadata_used", {})
    return [words[name] for name in FIELDS if name not in used]
