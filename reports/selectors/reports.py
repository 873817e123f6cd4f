"""Reports: one with what it says, its PDF, and those of a patient."""

import uuid

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.storage import vault
from reports.models import Report, ReportAssessment


def _whole() -> QuerySet[Report]:
    items = ReportAssessment.objects.select_related(
        "assessment__lesion", "assessment__author"
    ).order_by("position")
    return Report.objects.select_related(
        "patient", "study", "composed_by", "signed_by", "replaces", "replaced_by"
    ).prefetch_related(Prefetch("items", items))


def report(actor: Actor, report_id: uuid.UUID, *, again: bool = False) -> Report:
    """A report with patient, visit and signer, and `items` with their assessments in order.

    NotFound (and an event) for another clinic's. A look that is written down, except `again`: it
    tells no more than how far the PDF is, or another call writes the look.
    """
    with clinic_context(actor.clinic_id):
        found = policies.find(actor, "view", _whole(), pk=report_id)
        if not again:
            audit.viewed_report(actor, found)
    return found


def report_pdf(actor: Actor, report_id: uuid.UUID) -> bytes:
    """The PDF's bytes, a look that is written down.

    Conflict with a sentence for a draft, while it is being made, and when it has failed.
    """
    with clinic_context(actor.clinic_id):
        found = policies.find(actor, "view", Report.objects.all(), pk=report_id)
        if found.pdf_status == Report.Pdf.NONE:
            raise Conflict(_("A draft has no PDF. Sign it first."))
        if found.pdf_status == Report.Pdf.PENDING:
            raise Conflict(_("The PDF is being made. Try again in a moment."))
        if found.pdf_status == Report.Pdf.FAILED:
            raise Conflict(found.pdf_error)
        audit.viewed_report(actor, found, form="pdf")
    return vault().get(found.pdf_name)


def reports_of_patient(actor: Actor, patient_id: uuid.UUID) -> list[Report]:
    """A patient's reports, newest first."""
    with clinic_context(actor.clinic_id):
        visible = policies.visible(actor, Report.objects.filter(patient_id=patient_id))
        return list(
            visible.select_related("study", "signed_by", "replaces", "replaced_by").defer("content")
        )


def stored_names() -> set[str]:
    """Every name in the vault that a report of the current clinic refers to, for the sweep."""
    return set(Report.objects.exclude(pdf_name="").values_list("pdf_name", flat=True))
