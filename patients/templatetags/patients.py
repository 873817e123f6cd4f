"""What pages of other rooms show of patients."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.db.models import Field
from django.template.context import Context
from django.utils.text import capfirst

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest
from patients.identifiers import SYSTEMS
from patients.merging import selectors
from patients.models import Merge, Patient, PatientContact

register = template.Library()


@register.simple_tag
def mrns(rows: Iterable[Any]) -> dict[uuid.UUID, str]:
    """Record numbers by patient id, for rows with a `patient_id`; in one query."""
    ids = {row.patient_id for row in rows if row.patient_id}
    return dict(Patient.objects.filter(pk__in=ids).values_list("pk", "mrn"))


@register.simple_tag
def mrns_of(*ids: uuid.UUID) -> dict[uuid.UUID, str]:
    """Record numbers by patient id."""
    return dict(Patient.objects.filter(pk__in=ids).values_list("pk", "mrn"))


@register.inclusion_tag("patients/_merges.html", takes_context=True)
def merges(context: Context, patient: Patient) -> dict[str, Any]:
    """The record's merges and their undoing; for a doctor, the ways to merge and back."""
    request: MemberRequest = context["request"]
    actor = request.actor
    return {
        "patient": patient,
        "merges": selectors.merges(actor, [patient.pk]),
        "may_merge": policies.can(actor, "merge", patient),
    }


@register.simple_tag
def merged_after(patient_id: uuid.UUID, moment: datetime | None) -> bool:
    """Has another record been merged into this one since then (and not been parted again)?"""
    standing = Merge.objects.filter(survivor_id=patient_id, undo=None)
    return moment is not None and standing.filter(merged_at__gt=moment).exists()


@register.filter
def field_name(name: str) -> str:
    """A field of a patient, or of how to reach them, in words."""
    model = Patient if name in {each.name for each in Patient._meta.fields} else PatientContact
    field = model._meta.get_field(name)
    assert isinstance(field, Field), "a reverse relation has no name of its own"
    return capfirst(str(field.verbose_name))


@register.filter
def in_words(value: str, name: str) -> str:
    """A field's value as people read it: the kind of an identifier is stored as a key."""
    system = SYSTEMS.get(value) if name == "identifier_system" else None
    return str(system.display) if system else value
