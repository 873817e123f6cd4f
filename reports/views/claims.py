"""Taking a visit to read, giving it back, and going on to the next.

From the worklist they are asked for in place (htmx) and answer with the visit's own cells; from
anywhere else, and without scripts, with the page that the form names.
"""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dermaclinic.accounts import undo
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import Conflict
from imaging.models import Study
from reports import selectors
from reports.models import Claim
from reports.services import claims, next_visit
from reports.views.web import as_uuid, back


@never_cache
@member
@require_POST
def claim(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Take a visit to read, or keep it for longer."""
    refused = ""
    try:
        made = claims.claim_study(actor=request.actor, study_id=study_id)
    except Conflict as error:
        refused = str(error.detail)
    if request.htmx:  # type: ignore[attr-defined]  # HtmxMiddleware
        told = "" if refused else _until(made)
        way_back = reverse("reports:release", args=[study_id])
        return _in_place(request, study_id, told=told, undo=way_back, refused=refused)
    if refused:
        messages.warning(request, refused)
        return redirect("reports:worklist")
    return back(request, otherwise="reports:worklist")


@never_cache
@member
@require_POST
def release(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Give a visit back."""
    refused, told = "", _("The visit is free for others again.")
    way_back = reverse("reports:claim", args=[study_id])
    try:
        claims.release_study(actor=request.actor, study_id=study_id)
    except Conflict as error:
        refused = str(error.detail)
    if request.htmx:  # type: ignore[attr-defined]  # HtmxMiddleware
        return _in_place(request, study_id, told=told, undo=way_back, refused=refused)
    if refused:
        messages.warning(request, refused)
    else:
        undo.offer(request, told, at=way_back)
    return back(request, otherwise="reports:worklist")


@member
@require_POST
def go_on(request: MemberRequest) -> HttpResponse:
    """The next visit that nobody has taken, now one's own."""
    made = next_visit.claim_next(actor=request.actor, but=as_uuid(request.POST.get("from", "")))
    if made is not None:
        return redirect("reports:review", made.study_id)
    messages.info(request, _("No other visit is waiting unclaimed."))
    return redirect("reports:worklist")


def _until(made: Claim) -> str:
    until = formats.time_format(timezone.localtime(made.expires_at), "H:i")
    return _("The visit is yours until %(until)s.") % {"until": until}


def _in_place(
    request: MemberRequest, study_id: uuid.UUID, *, told: str, undo: str, refused: str
) -> HttpResponse:
    """The visit's cells as they are now; nothing else on the open page moves."""
    with clinic_context(request.actor.clinic_id):
        waiting: list[Study] = list(selectors.worklist_studies(request.actor).filter(pk=study_id))
        context = {
            "rows": selectors.worklist_rows(request.actor, waiting),
            "here": reverse("reports:worklist"),
            "told": told,
            "undo": undo,
            "refused": refused,
        }
        return render(request, "reports/_worklist_claimed.html", context)
