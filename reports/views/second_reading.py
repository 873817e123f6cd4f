"""Second readings: the list, reading one blind, and what became of it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts import undo
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from reports.models import SecondReading
from reports.second_reading import selectors, services
from reports.second_reading.forms import ProposalForm, SecondReadingForm
from reports.second_reading.selectors import ReadingPage, State
from reports.views.web import back

REFUSED = 422  # the page again, with what was entered

RECORDED = {
    SecondReading.Outcome.AGREES: _("Your second reading is recorded: it agrees with the first."),
    SecondReading.Outcome.PARTLY: _(
        "Your second reading is recorded: it agrees with the first in part. Nothing more to do."
    ),
    SecondReading.Outcome.DIFFERS: _(
        "Your second reading is recorded: it differs from the first. Decide together below."
    ),
}


@never_cache
@reading
@require_safe
def second_readings(request: MemberRequest) -> HttpResponse:
    """What waits for this doctor, oldest first, and where two readings differ."""
    context = {
        "listing": selectors.listing(request.actor),
        "here": reverse("reports:second-readings"),
    }
    return render(request, "reports/second_readings.html", context)


@never_cache
@reading
@require_safe
def second_reading(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """One of them, as this doctor may see it now."""
    return show(request, reading_id)


def show(
    request: MemberRequest,
    reading_id: uuid.UUID,
    *,
    refused: SecondReadingForm | ProposalForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page; `refused` is a form that goes back to who filled it in. In the clinic's context."""
    found = selectors.reading_page(request.actor, reading_id)
    out_of_place = isinstance(refused, SecondReadingForm) and found.state is not State.BLIND
    context = {
        "page": found,
        "second": found.reading,
        "lesion": found.reading.lesion,
        "form": _form(request, found) if out_of_place else refused or _form(request, found),
        "kept": refused if out_of_place else None,
        "here": reverse("reports:second-reading", args=[reading_id]),
    }
    return render(request, TEMPLATES[found.state], context, status=status)


TEMPLATES = {
    State.COVER: "reports/second_reading_cover.html",
    State.BLIND: "reports/second_reading.html",
    State.COMPARED: "reports/consensus.html",
}


def _form(request: MemberRequest, found: ReadingPage) -> SecondReadingForm | ProposalForm | None:
    if found.state is State.BLIND:
        return SecondReadingForm()
    if found.state is State.COMPARED and found.part != "none":
        own = [each for each in found.proposals if each.author_id == request.actor.person.pk]
        return ProposalForm.beginning_with(own[0] if own else _said(request, found.reading))
    return None


def _said(request: MemberRequest, second: SecondReading) -> Any:
    """What the doctor has said already; a third one begins with the first reading."""
    return second if second.reader_id == request.actor.person.pk else second.first


@member
@require_POST
def claim(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Take it, and go on reading; from the list one may also only take it.

    What was typed under a claim that had lapsed comes along, and stands in the form again.
    """
    try:
        services.claim(actor=request.actor, reading_id=reading_id)
    except Conflict as error:
        if "kept" in request.POST:
            form = SecondReadingForm(request.POST)
            form.is_valid()
            form.refuse(error)
            return shown_again(request, reading_id, form, error.status)
        messages.error(request, str(error.detail))
        return redirect("reports:second-readings")
    if "kept" in request.POST:
        typed = {name: request.POST.get(name, "") for name in SecondReadingForm.base_fields}
        return shown_again(request, reading_id, SecondReadingForm(initial=typed), 200)
    return back(request, otherwise=reverse("reports:second-reading", args=[reading_id]))


@member
@require_POST
def release(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Give it back: the record opens again, and then somebody else has to read it."""
    try:
        services.release(actor=request.actor, reading_id=reading_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        again = reverse("reports:second-reading-claim", args=[reading_id])
        undo.offer(request, str(_("The second reading is free for others again.")), at=again)
    return redirect("reports:second-readings")


@member
@require_POST
def record(request: MemberRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Store it, then show it beside the first one. A refusal keeps what was entered."""
    form = SecondReadingForm(request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            made = services.record(actor=request.actor, reading_id=reading_id, **form.answers)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            messages.success(request, RECORDED[SecondReading.Outcome(made.outcome)])
            return redirect("reports:second-reading", reading_id)
    return shown_again(request, reading_id, form, status)


@never_cache
@reading
def shown_again(
    request: MemberRequest,
    reading_id: uuid.UUID,
    form: SecondReadingForm | ProposalForm,
    status: int,
) -> HttpResponse:
    """The page once more, with what was refused."""
    return show(request, reading_id, refused=form, status=status)
