"""Template tags of the design language: icons, and the few attributes that forms need."""

from datetime import date
from typing import Any

from django import template
from django.forms import BoundField
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localdate

from dermaclinic.accounts.models import Role

register = template.Library()


@register.filter
def role_name(role: str) -> str:
    """A role in words."""
    return str(Role(role).label) if role in Role.values else role


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/icons/sprite.svg. Without a label it is decoration, hidden from readers."""
    href = f"{static('icons/sprite.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


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
        return "held" if (match.url_name or "").startswith("held") else "patients"
    return str(match.namespace)
