"""An audit event in words."""

from django import template
from django.utils.text import capfirst
from django.utils.translation import gettext as _, ngettext

from dermaclinic.audit.groups import PURPOSES
from dermaclinic.audit.models import Event
from dermaclinic.audit.vocabulary import ACTIONS, OBJECTS

register = template.Library()
NOTHING: tuple[object, ...] = (None, "", [], {})
SHORTENED = 32  # characters; a hash is longer, and nobody reads it to its end


@register.filter
def action_words(action: str) -> str:
    """What was done."""
    return str(ACTIONS.get(action, action))


@register.filter
def purpose_words(purpose: str) -> str:
    """Why it was done."""
    return str(PURPOSES.get(purpose, purpose))


@register.filter
def shown_patients(event: Event) -> int:
    """How many patients a search or a list showed; 0 for whatever showed none."""
    shown = event.detail.get("shown")
    return len(shown) if isinstance(shown, list) else 0


@register.filter
def facts(event: Event) -> list[tuple[str, str]]:
    """What else an event holds, as (name, value); ids are written out whole."""
    found = [(_("Entry"), str(event.pk))]
    if event.object_type:
        kind = capfirst(str(OBJECTS.get(event.object_type, event.object_type)))
        found.append((kind, event.object_id or _("no single one")))
    if event.patient_id:
        found.append((_("Patient's id"), str(event.patient_id)))
    for name, value in event.detail.items():
        if value not in NOTHING:
            found.append((capfirst(name.replace("_", " ")), _text(value)))
    if event.address:
        found.append((_("From address"), str(event.address)))
    found.append((_("Request"), event.request_id or _("none")))
    return found


def _text(value: object) -> str:
    if isinstance(value, list):
        if all(isinstance(each, str) and len(each) < 20 for each in value):
            return ", ".join(value)
        count = len(value)
        return ngettext("%(count)d record", "%(count)d records", count) % {"count": count}
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = str(value)
    return f"{text[:12]}…" if len(text) > SHORTENED and text.isalnum() else text
