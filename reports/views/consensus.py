"""The consensus of two who differ: propose, agree, withdraw, ask a third doctor."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dermaclinic.accounts import undo
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import Conflict, Invalid
from reports.second_reading import consensus
from reports.second_reading.forms import ProposalForm
from reports.views.second_reading import REFUSED, shown_again


@member
@require_POST
def propose(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Write a proposal, or another one in its place. A refusal keeps what was entered."""
    form = ProposalForm(request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            made = consensus.propose(actor=request.actor, reading_id=reading_id, **form.answers)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            undo.offer(
                request,
                _("Your proposal stands. It holds once another doctor has agreed."),
                at=reverse("reports:consensus-withdraw", args=[made.pk]),
            )
            return redirect("reports:second-reading", reading_id)
    return shown_again(request, reading_id, form, status)


@member
@require_POST
def withdraw(request: MemberRequest, proposal_id: uuid.UUID) -> HttpResponse:
    """Take one's own proposal back."""
    reading_id = consensus.reading_of(actor=request.actor, proposal_id=proposal_id)
    try:
        consensus.withdraw_proposal(actor=request.actor, proposal_id=proposal_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("Your proposal is withdrawn."))
    return redirect("reports:second-reading", reading_id)


@member
@require_POST
def agree(request: MemberRequest, proposal_id: uuid.UUID) -> HttpResponse:
    """Sign another doctor's proposal."""
    reading_id = consensus.reading_of(actor=request.actor, proposal_id=proposal_id)
    try:
        consensus.agree(actor=request.actor, proposal_id=proposal_id)
    except (Invalid, Conflict) as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("Decided. The lesion's assessment says so from now on."))
    return redirect("reports:second-reading", reading_id)


@member
@require_POST
def ask_third(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Let a third doctor decide with one of the two; or, with `back`, no longer."""
    take_back = "back" in request.GET
    try:
        consensus.ask_third(actor=request.actor, reading_id=reading_id, take_back=take_back)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        here = reverse("reports:consensus-third", args=[reading_id])
        if take_back:
            undo.offer(request, _("The two readers decide alone again."), at=here)
        else:
            undo.offer(
                request,
                _("A third doctor may decide with one of you; they find it in their list."),
                at=f"{here}?back",
            )
    return redirect("reports:second-reading", reading_id)
