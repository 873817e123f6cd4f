"""Signing a session's reports with one signature."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Invalid
from reports.forms import SignForm
from reports.models import Report
from reports.selectors.session import MOST, REACH, SessionVisit, session as unsigned
from reports.services.session import Outcome, Wanted, sign_session
from reports.views.web import as_uuid

REFUSED = 422


@never_cache
@sensitive_post_parameters("password")
@member
@require_http_methods(["GET", "HEAD", "POST"])
def session(request: MemberRequest) -> HttpResponse:
    """The doctor's unsigned visits; chosen ones are signed with the password, once."""
    if request.method != "POST":
        return _page(request)
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "sign", Report)
    form = SignForm(request.POST)
    wanted = [each for each in map(_wanted, request.POST.getlist("visit")) if each is not None]
    if form.is_valid():
        try:
            outcomes = sign_session(
                actor=request.actor, wanted=wanted, password=form.cleaned_data["password"]
            )
        except Invalid as error:
            form.refuse(error)
        else:
            return _told(request, outcomes)
    return _page(request, form, {each.study_id for each in wanted}, REFUSED)


def _wanted(text: str) -> Wanted | None:
    """`SessionVisit.value` as it comes back; None for anything else."""
    said, *rest = text.split(",")
    ids = [each for each in map(as_uuid, rest) if each is not None]
    if len(ids) < len(rest) or len(ids) < 2:
        return None
    return Wanted(ids[0], tuple(ids[1:]), said)


def _told(request: MemberRequest, outcomes: list[Outcome]) -> HttpResponse:
    signed = sum(each.report is not None for each in outcomes)
    if signed:
        sentence = ngettext(
            "%(count)d report is signed. Its PDF is being made.",
            "%(count)d reports are signed. Their PDFs are being made.",
            signed,
        )
        messages.success(request, sentence % {"count": signed})
    for sentence in dict.fromkeys(each.refusal for each in outcomes if each.report is None):
        messages.warning(request, _("Not signed: %(why)s") % {"why": sentence})
    return redirect("reports:session")


@reading
def _page(
    request: MemberRequest,
    form: SignForm | None = None,
    chosen: set[uuid.UUID] | None = None,
    status: int = 200,
) -> HttpResponse:
    visits = unsigned(request.actor)
    rows: list[tuple[SessionVisit, bool]] = [
        (visit, visit.complete if chosen is None else visit.study.pk in chosen) for visit in visits
    ]
    context: dict[str, Any] = {
        "rows": rows,
        "form": form or SignForm(),
        "can_sign": any(not visit.refusal for visit in visits),
        "days": REACH.days,
        "full": MOST if len(visits) >= MOST else 0,
    }
    return render(request, "reports/session.html", context, status=status)
