"""A lesion's own page: its place, its timeline, and its growth."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, reading
from patients import moves
from patients.models import Lesion
from reports.growth import plot
from reports.models import Histology
from reports.selectors.timeline import timeline


@never_cache
@reading
@require_safe
def lesion(request: MemberRequest, lesion_id: uuid.UUID) -> HttpResponse:
    """The page."""
    found = timeline(request.actor, lesion_id)
    context = {
        "found": found,
        "lesion": found.lesion,
        "patient": found.patient,
        "plot": plot(found.growth) if found.growth else None,
        "may_change": policies.can(request.actor, "change", Lesion),
        "may_record": policies.can(request.actor, "add", Histology),
        "move": moves.take(request, found.patient.pk),
    }
    return render(request, "reports/lesion.html", context)
