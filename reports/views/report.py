"""A report: its draft, signing, the PDF, corrections, and a patient's reports."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid, Unavailable
from imaging.vault import VaultError
from patients.models import Patient
from reports import content, selectors
from reports.forms import SignForm
from reports.models import Report
from reports.services import amendments, composing, rendering, signing

REFUSED = 422  # the page again, with the reason


@never_cache
@reading
@require_safe
def report(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """A signed report as it was frozen, or a draft as it would be."""
    return _page(request, report_id)


@reading
def _page(
    request: MemberRequest, report_id: uuid.UUID, form: SignForm | None = None, status: int = 200
) -> HttpResponse:
    found = selectors.report(request.actor, report_id)
    context = {
        "report": found,
        "patient": found.patient,
        "content": _content(request, found),
        "form": form or SignForm(),
        "may_sign": policies.can(request.actor, "sign", found),
        "later": getattr(found, "replaced_by", None),
    }
    return render(request, "reports/report.html", context, status=status)


def _content(request: MemberRequest, found: Report) -> dict[str, Any]:
    if found.content is not None:
        return dict(found.content)
    assessments = [item.assessment for item in found.items.all()]
    prefetch_related_objects(assessments, "opinion__model_version")
    return content.freeze(request.actor, found, assessments, timezone.now())


@never_cache
@sensitive_post_parameters("password")
@member
@require_POST
def sign(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """Sign with the password. A refusal shows the draft again; the password is never sent back."""
    form = SignForm(request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            signing.sign(actor=request.actor, report_id=report_id, **form.cleaned_data)
        except Invalid as error:
            form.refuse(error)
        except Conflict as error:
            form.refuse(error)
            status = error.status
        else:
            messages.success(request, _("The report is signed. Its PDF is being made."))
            return redirect("reports:report", report_id)
    return _page(request, report_id, form, status)


@member
@require_POST
def discard(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """Throw a draft away; back to its visit."""
    study_id = _study_id(request, report_id)
    try:
        composing.discard(actor=request.actor, report_id=report_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
        return redirect("reports:report", report_id)
    messages.success(request, _("The draft is discarded. The assessments stay."))
    return redirect("reports:review", study_id)


def _study_id(request: MemberRequest, report_id: uuid.UUID) -> uuid.UUID:
    with clinic_context(request.actor.clinic_id):
        return policies.find(request.actor, "add", Report.objects.all(), pk=report_id).study_id


@member
@require_POST
def amend(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """The draft of the next version."""
    try:
        draft = amendments.amend(actor=request.actor, report_id=report_id)
    except (Invalid, Conflict) as error:
        messages.error(request, str(error.detail))
        return redirect("reports:report", report_id)
    return redirect("reports:report", draft.pk)


@never_cache
@reading
@require_safe
def pdf_status(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """How far the PDF is, for an open page. 204 while it is still what the page shows."""
    found = selectors.report(request.actor, report_id, again=True)
    if request.GET.get("known") == found.pdf_status:
        return HttpResponse(status=204)
    may_sign = policies.can(request.actor, "sign", found)
    return render(request, "reports/_pdf.html", {"report": found, "may_sign": may_sign})


@reading
@require_safe
def pdf(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """The PDF's bytes; a look. The file's name tells no more than the report's number."""
    found = selectors.report(request.actor, report_id, again=True)
    try:
        data = selectors.report_pdf(request.actor, report_id)
    except VaultError as error:
        raise Unavailable(_("This PDF cannot be opened at the moment.")) from error
    name = f"report-{found.number}-{found.version}.pdf"
    return HttpResponse(
        data,
        content_type="application/pdf",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


@member
@require_POST
def retry(request: MemberRequest, report_id: uuid.UUID) -> HttpResponse:
    """Ask once more for a PDF that could not be made."""
    try:
        rendering.retry_rendering(actor=request.actor, report_id=report_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    return redirect("reports:report", report_id)


@never_cache
@reading
@require_safe
def of_patient(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """A patient's reports, a look at the patient; htmx asks for the list alone."""
    patient = policies.find(request.actor, "view", Patient.objects.all(), pk=patient_id)
    policies.require(request.actor, "view", Report)
    audit.viewed_patient(request.actor, patient)
    context = {
        "patient": patient,
        "reports": selectors.reports_of_patient(request.actor, patient_id),
    }
    fragment = request.htmx  # type: ignore[attr-defined]  # HtmxMiddleware
    return render(request, "reports/_list.html" if fragment else "reports/list.html", context)
