"""An audit event in words."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from dermaclinic.audit.models import Event
from dermaclinic.audit.vocabulary import ACTIONS, OBJECTS

register = template.Library()


@register.filter
def action_words(action: str) -> str:
    """What was done."""
    return str(ACTIONS.get(action, action))


@register.filter
def details(event: Event) -> SafeString:
    """The object with its id, and the details as name and value."""
    parts = []
    if event.object_type:
        kind = str(OBJECTS.get(event.object_type, event.object_type))
        number = event.object_id[:8]
        if event.object_id and event.object_type != "patients.patient":
            parts.append(format_html('{} <span class="mono">{}</span>', kind, number))
        elif not event.object_id:
            parts.append(format_html("{}", kind))
    for name, value in event.detail.items():
        if value not in (None, "", [], {}):
            parts.append(format_html("{}: {}", name.replace("_", " "), _short(value)))
    return format_html_join("; ", "{}", ((part,) for part in parts))


def _short(value: object) -> str:
    if isinstance(value, list):
        if all(isinstance(each, str) and len(each) < 20 for each in value):
            return ", ".join(value)
        count = len(value)
        return ngettext("%(count)d record", "%(count)d records", count) % {"count": count}
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(each)}" for key, each in value.items())
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text
