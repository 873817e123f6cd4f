"""What pages show of an opinion: its figures as the clinic sees them, and their words."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils.formats import number_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from inference import selectors
from inference.lens import Lens, Line, Shown
from inference.models import Prediction
from inference.network.metadata import FIELDS
from patients.body_sites import BODY_SITES
from patients.models import Sex

register = template.Library()

_SITES = {site.metadata: site.display for site in BODY_SITES.values()}


def lens(context: Context) -> Lens:
    """The lens of the page that is being drawn: one for all its opinions."""
    kept: dict[str, Any] = context["request"].__dict__
    if "opinion_lens" not in kept:
        kept["opinion_lens"] = Lens.of()
    made: Lens = kept["opinion_lens"]
    return made


@register.simple_tag(takes_context=True)
def read_opinion(context: Context, prediction: Prediction | None) -> Shown | None:
    """An opinion as the clinic sees it; None unless it is ready."""
    return lens(context).shown(prediction) if prediction is not None else None


@register.simple_tag(takes_context=True)
def untold(context: Context, prediction: Prediction) -> str:
    """What the network could have been told, and was not, in words."""
    fields = lens(context).fields(prediction) or FIELDS
    used = _used(prediction)
    return _listed(_field(name) for name in fields if name not in used)


@register.filter
def share(value: float | None) -> str:
    """A share of one in per cent; with one decimal below ten, where whole ones say too little."""
    if value is None:
        return ""
    if 0 < value < 0.001:
        return f"<{number_format(0.1, 1)}\N{NO-BREAK SPACE}%"
    places = 0 if value >= 0.0995 or round(value * 100, 1) == round(value * 100) else 1
    if 0.9995 > value >= 0.99:
        places = 1
    return f"{number_format(round(value * 100, places), places)}\N{NO-BREAK SPACE}%"


@register.filter
def extent(prediction: Prediction) -> str:
    """How large the outlined lesion is; empty unless the image's scale is known."""
    found = selectors.extent(prediction)
    if found is None:
        return ""
    return _("%(diameter)s mm across, %(area)s mm²") % {
        "diameter": number_format(round(found.diameter_mm, 1), 1),
        "area": number_format(round(found.area_mm2, 1), 1),
    }


@register.filter
def along(value: float) -> str:
    """A share of one as a place on a line, for SVG, whatever the language writes decimals with."""
    return f"{3 + value * 94:.1f}%"


@register.filter
def leaning(prediction: Prediction, shown: Shown) -> Line | None:
    """The class that the image itself speaks for, where it is not the most probable one."""
    decision = (prediction.result or {}).get("decision")
    if decision in (None, shown.lines[0].key):
        return None
    return next((line for line in shown.lines if line.key == decision), None)


@register.filter
def named(name: str, shown: Shown) -> Line | None:
    """The line of the class that an operating point is about; None for one about all of them."""
    return next((line for line in shown.lines if line.key == name), None)


@register.filter
def told(prediction: Prediction) -> list[str]:
    """What the network was told of the person, in words."""
    used = _used(prediction)
    words = []
    if "age" in used:
        words.append(_("age %(years)d") % {"years": used["age"]})
    if "sex" in used:
        words.append(str(Sex(used["sex"]).label))
    if "site" in used:
        words.append(str(_SITES.get(used["site"], used["site"])).lower())
    for name in used:
        if name not in ("age", "sex", "site"):
            answer = _("yes") if used[name] else _("no")
            words.append(f"{_field(name)}: {answer}")
    return words


@register.filter
def told_fields(prediction: Prediction) -> str:
    """The names of what it was told, as the beginning of a sentence."""
    listed = _listed(_field(name) for name in _used(prediction))
    return listed[:1].upper() + listed[1:]


def _used(prediction: Prediction) -> dict[str, Any]:
    used: dict[str, Any] = (prediction.result or {}).get("metadata_used", {})
    return used


def _listed(words: Any) -> str:
    return str(get_text_list(list(words), _("and")))


def _field(name: str) -> str:
    words = {
        "age": _("age"),
        "sex": _("sex"),
        "site": _("body site"),
        "itch": _("itching"),
        "grew": _("growth"),
        "hurt": _("pain"),
        "changed": _("change"),
        "bleed": _("bleeding"),
        "elevation": _("elevation"),
    }
    return words.get(name, name)
