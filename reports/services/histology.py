"""The pathologist's diagnosis of a lesion: the truth that opinions are compared with, later."""

import uuid
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Invalid
from patients.models import Lesion, Patient
from reports.diagnoses import DIAGNOSES
from reports.models import Histology

_SAME = ("diagnosis", "reported_on", "reason", "author_id")


def record_histology(
    *,
    actor: Actor,
    lesion_id: uuid.UUID,
    diagnosis: str,
    reported_on: date,
    reason: str = "",
) -> Histology:
    """Record the result of a lesion's histology: a SNOMED CT code, and the day of the report.

    A lesion that has a result gets a new version of it, with the reason; an empty `diagnosis` then
    takes the result back. Invalid: an unknown diagnosis, none where there is nothing to take back,
    a day that cannot be, a later version without a reason (`errors` names the field). Recording
    the same once more (a double click) answers with the version that is there.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Histology)
        lesion = policies.find(actor, "view", Lesion.objects.all(), pk=lesion_id)
        patient = Patient.objects.select_for_update(no_key=True).get(pk=lesion.patient_id)
        newest = Histology.objects.filter(lesion=lesion).first()
        made = Histology(
            clinic_id=actor.clinic_id,
            patient=patient,
            lesion=lesion,
            version=newest.version + 1 if newest else 1,
            diagnosis=diagnosis,
            reported_on=reported_on,
            reason=reason.strip(),
            author=actor.person,
        )
        if newest is not None and _content(newest) == _content(made):
            return newest
        _check(made, newest, patient)
        made.save(force_insert=True)
        audit.recorded_histology(actor, made)
    return made


def _content(result: Histology) -> tuple[object, ...]:
    return tuple(getattr(result, name) for name in _SAME)


def _check(made: Histology, newest: Histology | None, patient: Patient) -> None:
    if made.diagnosis and made.diagnosis not in DIAGNOSES:
        raise _invalid(
            "diagnosis",
            _("%(code)s is not in the list of diagnoses. Choose one from it.")
            % {"code": made.diagnosis},
        )
    if not made.diagnosis and (newest is None or not newest.diagnosis):
        raise _invalid("diagnosis", _("Choose the diagnosis that the pathologist gave."))
    if not patient.birth_date <= made.reported_on <= timezone.localdate():
        raise _invalid("reported_on", _("Give the day of the pathologist's report, up to today."))
    if newest is not None and not made.reason:
        raise _invalid("reason", _("Say why the result that is on record no longer holds."))


def _invalid(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})
