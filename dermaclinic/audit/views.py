"""The administrator's pages: who did and saw what, and taking it along."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading, reauthenticated
from dermaclinic.audit import export as exports, reviews, selectors
from dermaclinic.audit.disclosure import zone
from dermaclinic.audit.flag_review import FlagReview
from dermaclinic.audit.forms import FilterForm, ReviewForm, SpanForm
from dermaclinic.audit.models import Event
from dermaclinic.audit.unusual import KINDS
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
@reauthenticated
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


@never_cache
@require_safe
@reading
def unusual(request: MemberRequest) -> HttpResponse:
    """What stands out in the last days, or in those asked for."""
    span = SpanForm(request.GET)
    found = None
    if span.is_valid():
        days = {name: span.cleaned_data[name] for name in ("since", "until")}
        try:
            found = reviews.unusual(actor=request.actor, **days)
        except Invalid as error:
            span.refuse(error)
    context = {"span": span, "unusual": found, "kinds": KINDS, "zone": zone()}
    return render(request, "audit/unusual.html", context)


@never_cache
@require_POST
@member
def looked_into(request: MemberRequest) -> HttpResponse:
    """A note on a flag; back to the page, with the flag behind those still open."""
    form = ReviewForm(request.POST)
    if form.is_valid():
        reviews.review(actor=request.actor, **form.cleaned_data)
        messages.success(request, _("It is written down that you looked into it."))
    else:
        policies.require(request.actor, "add", FlagReview)
        messages.error(request, _("Nothing was written down: say what you found out."))
    return redirect(f"{reverse('audit:unusual')}?{_days(request)}")


def _days(request: MemberRequest) -> str:
    """The days that the page showed, to come back to them."""
    span = SpanForm(request.POST)
    if not span.is_valid():
        return ""
    return urlencode({name: day for name, day in span.cleaned_data.items() if day})
