"""The administrator's pages: who did and saw what, and taking it along."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.audit import export as exports, selectors
from dermaclinic.audit.forms import FilterForm
from dermaclinic.audit.models import Event
from dermaclinic.errors import Invalid


@never_cache
@require_safe
@reading
def events(request: MemberRequest) -> HttpResponse:
    """Filters by GET: they hold ids and dates only."""
    policies.require(request.actor, "view", Event)
    form = _filters(request)
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


def _filters(request: MemberRequest) -> FilterForm:
    return FilterForm(request.GET, members=selectors.members(actor=request.actor))


@never_cache
@require_GET
@member
def export(request: MemberRequest, form: str) -> HttpResponse:
    """A file of all entries that fit the page's filters, in one of `exports.FORMS`."""
    filters = _checked(request)
    kind = exports.FORMS[form]
    text = exports.export(actor=request.actor, filters=filters, form=form)
    name = f"audit-{timezone.now():%Y%m%d-%H%M}.{kind.ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(text, content_type=kind.media_type, headers=headers)  # type: ignore[return-value]  # both are responses


def _checked(request: MemberRequest) -> dict[str, Any]:
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "export", Event)
        form = _filters(request)
        if not form.is_valid():
            raise Invalid(_("These filters make no sense together. Go back and set them anew."))
        return form.cleaned_data
