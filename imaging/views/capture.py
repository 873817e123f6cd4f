"""Where a technician's day begins and each patient's turn does: scan the number, go on."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import DomainError, Invalid
from imaging import selectors, services
from imaging.day import today
from imaging.models import Study
from imaging.services.visits_of_today import NobodyFound, NoConsent
from imaging.views.camera import with_camera


@with_camera
@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def capture(request: MemberRequest) -> HttpResponse:
    """One field for the record number; a POST, since a number never stands in an address."""
    if request.method != "POST":
        return _page(request)
    mrn = request.POST.get("mrn", "")
    try:
        study = services.visit_of_today(actor=request.actor, mrn=mrn)
    except (Invalid, NoConsent) as error:
        return _page(request, mrn=mrn, error=error)
    return redirect("imaging:visit", study.pk)


@reading
def _page(request: MemberRequest, mrn: str = "", error: DomainError | None = None) -> HttpResponse:
    policies.require(request.actor, "add", Study)
    context = {
        "visits": selectors.visits_of_today(actor=request.actor, day=today()),
        "mrn": mrn,
        "error": error,
        "nobody": isinstance(error, NobodyFound),
        "unasked": error.patient_id if isinstance(error, NoConsent) else None,
    }
    return render(request, "imaging/capture.html", context, status=error.status if error else 200)
