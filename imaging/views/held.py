"""Images whose patient is in doubt: the list, and the decision."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from imaging import selectors, services
from imaging.forms import AcceptForm, ReasonForm
from imaging.models import Quarantine


@never_cache
@reading
@require_safe
def held(request: MemberRequest) -> HttpResponse:
    """Everything that waits for a decision, oldest first; a look at each of them."""
    policies.require(request.actor, "view", Quarantine)
    waiting = list(selectors.open_quarantine(request.actor))
    audit.viewed_quarantine(request.actor, *waiting)
    return render(request, "imaging/held.html", {"waiting": waiting})


@never_cache
@reading
@require_safe
def held_item(request: MemberRequest, quarantine_id: uuid.UUID) -> HttpResponse:
    """What the file says beside what the record says."""
    return _page(request, quarantine_id, AcceptForm(), ReasonForm(prefix="discard"))


@member
@require_POST
def accept(request: MemberRequest, quarantine_id: uuid.UUID) -> HttpResponse:
    """File it under the patient it was meant for."""
    form = AcceptForm(request.POST)
    if form.is_valid():
        try:
            decided = services.resolve_quarantine(
                actor=request.actor,
                quarantine_id=quarantine_id,
                accept=True,
                identifiers=form.identifiers,
                reason=form.cleaned_data["reason"],
            )
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The image is filed in this visit."))
            return redirect("imaging:visit", decided.study_id)
    return _again(request, quarantine_id, form, ReasonForm(prefix="discard"))


@member
@require_POST
def discard(request: MemberRequest, quarantine_id: uuid.UUID) -> HttpResponse:
    """Remove it."""
    form = ReasonForm(request.POST, prefix="discard")
    if form.is_valid():
        try:
            services.resolve_quarantine(
                actor=request.actor,
                quarantine_id=quarantine_id,
                accept=False,
                identifiers={},
                reason=form.cleaned_data["reason"],
            )
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The image is discarded; nothing of it is kept."))
            return redirect("imaging:held")
    return _again(request, quarantine_id, AcceptForm(), form)


@reading
def _again(
    request: MemberRequest, quarantine_id: uuid.UUID, form: AcceptForm, discard_form: ReasonForm
) -> HttpResponse:
    return _page(request, quarantine_id, form, discard_form)


def _page(
    request: MemberRequest, quarantine_id: uuid.UUID, form: AcceptForm, discard_form: ReasonForm
) -> HttpResponse:
    found = selectors.quarantine(actor=request.actor, quarantine_id=quarantine_id)
    context = {
        "held": found,
        "patient": found.patient,
        "form": form,
        "discard_form": discard_form,
    }
    status = Invalid.status if form.errors or discard_form.errors else 200
    return render(request, "imaging/held_item.html", context, status=status)
