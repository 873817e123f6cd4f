"""The administrator's page: who did and saw what."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, reading
from dermaclinic.audit import selectors
from dermaclinic.audit.forms import FilterForm
from dermaclinic.audit.models import Event


@never_cache
@require_safe
@reading
def events(request: MemberRequest) -> HttpResponse:
    """Filters by GET: they hold ids and dates only."""
    policies.require(request.actor, "view", Event)
    form = FilterForm(request.GET, members=selectors.members(actor=request.actor))
    filters = form.cleaned_data if form.is_valid() else {}
    page = selectors.events(
        actor=request.actor, filters=filters, before=request.GET.get("before", "")
    )
    kept = request.GET.copy()
    kept.pop("before", None)
    context = {
        "form": form,
        "page": page,
        "filters": {name: value for name, value in filters.items() if value},
        "kept": kept.urlencode(),
    }
    return render(request, "audit/events.html", context)
