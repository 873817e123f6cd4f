"""Small words of the PDF's templates: shares, hashes, equipment, and what nobody recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """A share of 1 in words: 62 %, 0.4 %, 99.8 %, or less than 0.1 %."""
    if 0 < share < 0.001:
        return "< " + number_format(0.1, 1) + " %"
    places = 1 if share < 0.1 or 0.99 < share < 0.9995 else 0
    return number_format(round(share * 100, places), places) + " %"


@register.filter
def width(share: float) -> str:
    """A share of 1 as CSS percents, whatever the language writes decimals with."""
    return f"{share * 100:.2f}"


@register.filter
def groups(text: str) -> str:
    """A hash in groups of eight, which people can compare."""
    return " ".join(text[start : start + 8] for start in range(0, len(text), 8))


@register.simple_tag
def picture(pictures: Mapping[str, str], kind: str, name: str) -> str:
    """The address of a picture; empty when it was left out."""
    return pictures.get(f"{kind}/{name}", "")


@register.simple_tag
def not_recorded(value: str) -> str | SafeString:
    """What was recorded, or that nothing was."""
    return value or format_html('<span class="missing">{}</span>', _("not recorded"))


@register.simple_tag
def equipment(images: Sequence[Mapping[str, Any]]) -> SafeString:
    """What the files say of the camera, each once; magnification is in no file."""
    cameras = dict.fromkeys(
        " ".join(filter(None, (each["manufacturer"], each["model"]))) for each in images
    )
    named = ", ".join(filter(None, cameras))
    scales = ", ".join(dict.fromkeys(filter(None, map(_scale, images))))
    return format_html(
        "{}: {}. {}: {}. {}: {}.",
        _("Camera"),
        not_recorded(named),
        _("Scale"),
        not_recorded(scales),
        _("Magnification"),
        not_recorded(""),
    )


def _scale(image: Mapping[str, Any]) -> str:
    """DICOM's Pixel Spacing, in mm: one number, or row and column."""
    spacing = image["pixel_spacing_mm"]
    if not spacing:
        return ""
    value = spacing[0] if isinstance(spacing, list | tuple) else spacing
    return _("%(size)s mm to a pixel") % {"size": number_format(round(float(value), 3), 3)}


@register.simple_tag
def metadata(known: Mapping[str, Any]) -> str | SafeString:
    """What the network was told of the person."""
    labels = {"age": _("age"), "sex": _("sex"), "site": _("site")}
    told = [f"{labels.get(key, key)} {_plain(value)}" for key, value in known.items()]
    return ", ".join(told) or _("nothing")


def _plain(value: Any) -> str:
    return number_format(value, 0) if isinstance(value, float) else str(value)
