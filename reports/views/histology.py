"""The histology of a lesion: what is on record, and recording a result."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Invalid
from reports.forms import HistologyForm
from reports.models import Histology
from reports.selectors import LesionHistology, histology as select
from reports.services.histology import record_histology
from reports.views.web import as_uuid

REFUSED = 422  # the page again, with what was entered


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def histology(request: MemberRequest, lesion_id: uuid.UUID) -> HttpResponse:
    """The page; the few lines on the review page; a new result. `visit` is where one came from."""
    policies.require(request.actor, "add" if request.method == "POST" else "view", Histology)
    found = select(request.actor, lesion_id)
    if request.method != "POST":
        return _page(request, found, HistologyForm(former=found.former))
    form = HistologyForm(request.POST, former=found.former)
    if form.is_valid():
        try:
            record_histology(actor=request.actor, lesion_id=lesion_id, **form.cleaned_data)
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, _("The histology is recorded."))
            return redirect(_back(request, lesion_id))
    return _page(request, found, form, status=REFUSED)


@reading
def _page(
    request: MemberRequest, found: LesionHistology, form: HistologyForm, status: int = 200
) -> HttpResponse:
    context = {
        "found": found,
        "lesion": found.lesion,
        "patient": found.lesion.patient,
        "form": form if policies.can(request.actor, "add", Histology) else None,
        "visit": as_uuid(request.GET.get("visit", "")),
    }
    template = "reports/_histology.html" if request.htmx else "reports/histology.html"  # type: ignore[attr-defined]  # HtmxMiddleware
    return render(request, template, context, status=status)


def _back(request: MemberRequest, lesion_id: uuid.UUID) -> str:
    visit = as_uuid(request.GET.get("visit", ""))
    if visit is None:
        return reverse("reports:histology", args=[lesion_id])
    return reverse("reports:review", args=[visit])
