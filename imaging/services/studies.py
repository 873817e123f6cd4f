"""Visits."""

import uuid
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid
from imaging.models import Study
from patients.merging import records
from patients.models import Patient


def start_study(
    *, actor: Actor, patient_id: uuid.UUID, acquired_at: datetime | None = None
) -> Study:
    """A new visit, by default now. Invalid when it lies in the future or before the birth."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Study)
        patient = policies.find(actor, "view", Patient.objects.all(), pk=patient_id)
        records.require_open(patient)
        when = acquired_at or timezone.now()
        if when > timezone.now():
            sentence = _("The visit lies in the future.")
            raise Invalid(sentence, errors={"acquired_at": [sentence]})
        if when.date() < patient.birth_date:
            sentence = _("The visit lies before the patient's birth.")
            raise Invalid(sentence, errors={"acquired_at": [sentence]})
        study = Study.objects.create(
            clinic_id=actor.clinic_id,
            patient=patient,
            acquired_at=when,
            created_by=actor.person,
        )
        audit.started_study(actor, study)
    return study
