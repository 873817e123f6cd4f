"""The undo of an assessment: its author takes the newest one of a lesion back."""

import uuid

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from patients.models import Patient
from reports import steps
from reports.models import Assessment, AssessmentWithdrawal, ReportAssessment
from reports.services import claims, waiting


def withdraw_assessment(*, actor: Actor, assessment_id: uuid.UUID) -> AssessmentWithdrawal:
    """Take one's newest assessment of a lesion at a visit back; twice is once.

    What was recorded stays readable, and the opinion that it opened stays open. The version before
    counts again; without one the lesion waits again. Conflict when it is another doctor's, is not
    the newest, stands in a report or a draft, or while another doctor's claim on the visit is live.
    """
    with clinic_context(actor.clinic_id):
        rows = Assessment.objects.select_related("study", "lesion", "withdrawal")
        found = policies.find(actor, "withdraw", rows, pk=assessment_id)
        # Recording and composing lock the patient first, too.
        Patient.objects.select_for_update(no_key=True).get(pk=found.patient_id)
        found = rows.get(pk=found.pk)
        if found.author_id != actor.person.pk:
            raise Conflict(_("Only its author takes an assessment back. Record one of your own."))
        former: AssessmentWithdrawal | None = getattr(found, "withdrawal", None)
        if former is not None:
            return former
        claims.respect(actor, found.study)
        newest = Assessment.objects.filter(study=found.study, lesion=found.lesion)
        if newest.standing().first() != found:
            raise Conflict(_("The lesion has been assessed anew since. Take that one back first."))
        _require_unreported(found)
        made = AssessmentWithdrawal.objects.create(
            clinic_id=actor.clinic_id, assessment=found, author=actor.person
        )
        audit.withdrew_assessment(actor, found)
        waiting.refresh([found.study_id])
        for step in steps.on_withdrawn:
            step(actor, found)
    return made


def _require_unreported(found: Assessment) -> None:
    held = ReportAssessment.objects.filter(assessment=found).select_related("report").first()
    if held is None:
        return
    if held.report.status == held.report.Status.SIGNED:
        raise Conflict(_("It stands in a signed report. Record a new version, then amend it."))
    raise Conflict(_("It stands in a draft. Discard the draft first, then take it back."))
