"""Template tags of the design language: icons, and the few attributes that forms need."""

import json
from datetime import date, datetime
from functools import cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import Storage
from django.forms import BoundField
from django.template.context import Context
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localdate, localtime, now
from django.utils.translation import gettext as _, ngettext_lazy

from dermaclinic.accounts import undo
from dermaclinic.accounts.models import Role

register = template.Library()


@register.filter
def role_name(role: str) -> str:
    """A role in words."""
    return str(Role(role).label) if role in Role.values else role


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/icons/sprite.svg. Without a label it is decoration, hidden from readers."""
    sprite = _sprite(staticfiles_storage)
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>',
            label,
            f"{sprite}#{name}",
        )
    return _decoration(sprite, name)


@cache
def _sprite(storage: Storage) -> str:
    """Where the icons are; as long as files are served from the same storage, in one place."""
    return storage.url("icons/sprite.svg")


@cache
def _decoration(sprite: str, name: str) -> SafeString:
    """A list draws the same ones hundreds of times."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name
    )


@register.filter
def described(field: BoundField) -> BoundField:
    """The field itself, its widget pointing at the hint and the errors beside it."""
    parts = []
    if field.help_text:
        parts.append(f"{field.id_for_label}-hint")
    attributes = field.field.widget.attrs
    if field.errors:
        parts.append(f"{field.id_for_label}-error")
        attributes["aria-invalid"] = "true"
    if parts:
        attributes["aria-describedby"] = " ".join(parts)
    return field


@register.filter
def age(birth_date: date, on: date | None = None) -> int:
    """Completed years on a day, today by default."""
    day = on or localdate()
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


@register.filter(name="json")
def as_json(value: Any) -> str:
    """What a script of ours reads from a data attribute; escaped there like any text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@register.filter
def undo_address(message: Message) -> str:
    """Where what a message tells of can be taken back; empty if it cannot."""
    return undo.address(message.extra_tags)


@register.simple_tag
def since(moment: datetime, form: str = "ago") -> SafeString:
    """The time since a moment in one unit, the exact time in `title`; static/js/since.js goes on.

    `form`: "ago" ("5 minutes ago") or "for" ("5 minutes").
    """
    there = localtime(moment)
    span = _span(int((now() - moment).total_seconds()))
    if not span:
        words = _("just now") if form == "ago" else _("less than a minute")
    else:
        words = _("%(span)s ago") % {"span": span} if form == "ago" else span
    return format_html(
        '<time datetime="{}" title="{}" data-since="{}">{}</time>',
        there.isoformat(timespec="seconds"),
        date_format(there, "j M Y, H:i"),
        form,
        words,
    )


# From so many seconds on, in units of so many; the same as in static/js/since.js.
_UNITS = (
    (2 * 31_557_600, 31_557_600, ngettext_lazy("%(n)d year", "%(n)d years", "n")),
    (2 * 2_629_800, 2_629_800, ngettext_lazy("%(n)d month", "%(n)d months", "n")),
    (2 * 604_800, 604_800, ngettext_lazy("%(n)d week", "%(n)d weeks", "n")),
    (2 * 86_400, 86_400, ngettext_lazy("%(n)d day", "%(n)d days", "n")),
    (3600, 3600, ngettext_lazy("%(n)d hour", "%(n)d hours", "n")),
    (60, 60, ngettext_lazy("%(n)d minute", "%(n)d minutes", "n")),
)


def _span(seconds: int) -> str:
    for shortest, unit, words in _UNITS:
        if seconds >= shortest:
            return words % {"n": seconds // unit}
    return ""


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key)


@register.filter
def percent(share: float | None) -> str:
    """A share of one as whole percents; below one percent it says so."""
    if share is None:
        return ""
    return "<1\N{NO-BREAK SPACE}%" if 0 < share < 0.01 else f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


@register.simple_tag(takes_context=True)
def current_area(context: Context) -> str:
    """Which entry of the main navigation the page belongs to: visits are part of a record."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None:
        return ""
    if match.namespace == "imaging":
        area = (match.url_name or "").partition("-")[0]
        return area if area in ("held", "capture") else "patients"
    if match.url_name == "session":
        return "session"
    if match.namespace == "reports" and match.url_name in ("lesion", "compare"):
        return "patients"
    return str(match.namespace)
