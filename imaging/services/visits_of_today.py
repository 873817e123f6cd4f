"""A day's work at the camera: from a record number to today's visit."""

import unicodedata
import uuid

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging.day import today
from imaging.models import Study
from imaging.services.studies import start_study
from patients.merging import records
from patients.models import Patient, Purpose
from patients.services import allows


class NobodyFound(Invalid):
    """No record has this number."""


class NoConsent(Conflict):
    """The patient was found and has not agreed to photographs; `patient_id` is whose it is."""

    def __init__(self, patient_id: uuid.UUID) -> None:
        super().__init__(
            _("This patient has not agreed to photographs for care, or was not asked.")
        )
        self.patient_id = patient_id


def read(text: str) -> str:
    """A record number as a scanner or a person gives it: without spaces around it, and without
    what a scanner adds to mark beginning and end."""
    return "".join(each for each in text if unicodedata.category(each) != "Cc").strip()


def visit_of_today(*, actor: Actor, mrn: str) -> Study:
    """Today's visit of the patient with this record number: the newest one, else a new one.

    Raises Invalid without a number, NobodyFound, and NoConsent before a visit would be started.
    """
    number = read(mrn)
    if not number:
        sentence = _("Scan or type the record number first.")
        raise Invalid(sentence, errors={"mrn": [sentence]})
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Study)
        patient = _patient(actor, number)
        audit.searched_patients(actor, shown=[patient.pk] if patient else [], fields=["mrn"])
    if patient is None:
        # After the context: that somebody looked is kept, although nobody was found.
        raise NobodyFound(_("No patient of this clinic has this record number."))
    with clinic_context(actor.clinic_id):
        # Two scans of one wristband, at two desks, begin one visit.
        patient = Patient.objects.select_for_update().get(pk=patient.pk)
        day = today()
        begun = Study.objects.filter(
            patient=patient, acquired_at__gte=day.begins, acquired_at__lt=day.ends
        ).first()
        if begun is not None:
            return begun
        if not allows(patient, Purpose.CARE):
            raise NoConsent(patient.pk)
        return start_study(actor=actor, patient_id=patient.pk)


def _patient(actor: Actor, number: str) -> Patient | None:
    """The one with exactly this number; else the only one whose number differs in case alone.

    A wristband may still carry the number of a record that was merged: it stands for the other one.
    """
    patients = policies.visible(actor, Patient.objects.all())
    exact = list(patients.filter(mrn=number))
    found = records.standing(exact or patients.filter(mrn__iexact=number)[:2])
    return found[0] if len(found) == 1 else None
