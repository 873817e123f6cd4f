"""The clinic's list of phrases: seen, changed, retired and brought back."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from reports.models import Phrase
from reports.phrase_forms import PhraseForm
from reports.selectors.phrases import as_filled_in, phrases as listed
from reports.services import phrases as services

REFUSED = 422


@member
@require_http_methods(["GET", "HEAD", "POST"])
def phrases(request: MemberRequest) -> HttpResponse:
    """The list, and a new phrase for it."""
    if request.method != "POST":
        return _list(request)
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "change", Phrase)
    form = PhraseForm(request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            made = services.add(actor=request.actor, **form.answers)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            messages.success(request, _("“%(phrase)s” is in the list.") % {"phrase": made})
            return redirect("reports:phrases")
    return _list(request, form, status)


@never_cache
@reading
def _list(
    request: MemberRequest, form: PhraseForm | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "phrases": listed(request.actor),
        "retired": listed(request.actor, retired=True),
        "form": form or PhraseForm(),
        "may_change": policies.can(request.actor, "change", Phrase),
    }
    return render(request, "reports/phrases.html", context, status=status)


@never_cache
@reading
@require_safe
def as_data(request: MemberRequest) -> HttpResponse:
    """The list for the review page's field: what each abbreviation fills in."""
    filled_in = [as_filled_in(each) for each in listed(request.actor)]
    return JsonResponse({"phrases": filled_in})


@member
@require_http_methods(["GET", "HEAD", "POST"])
def phrase(request: MemberRequest, phrase_id: uuid.UUID) -> HttpResponse:
    """One phrase, to be changed."""
    if request.method != "POST":
        return _one(request, phrase_id)
    with clinic_context(request.actor.clinic_id):
        policies.find(request.actor, "change", Phrase.objects.all(), pk=phrase_id)
    form = PhraseForm(request.POST)
    status = REFUSED
    if form.is_valid():
        try:
            services.change(
                actor=request.actor,
                phrase_id=phrase_id,
                version=form.cleaned_data["version"] or 0,
                **form.answers,
            )
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            messages.success(request, _("The phrase is changed."))
            return redirect("reports:phrases")
    return _one(request, phrase_id, form, status)


@never_cache
@reading
def _one(
    request: MemberRequest, phrase_id: uuid.UUID, form: PhraseForm | None = None, status: int = 200
) -> HttpResponse:
    found = policies.find(request.actor, "change", Phrase.objects.all(), pk=phrase_id)
    context: dict[str, Any] = {"phrase": found, "form": form or PhraseForm.of(found)}
    return render(request, "reports/phrase.html", context, status=status)


@member
@require_POST
def retire(request: MemberRequest, phrase_id: uuid.UUID) -> HttpResponse:
    """Take it out of the list."""
    gone = services.retire(actor=request.actor, phrase_id=phrase_id)
    messages.success(
        request, _("“%(phrase)s” is retired. It can be brought back below.") % {"phrase": gone}
    )
    return redirect("reports:phrases")


@member
@require_POST
def restore(request: MemberRequest, phrase_id: uuid.UUID) -> HttpResponse:
    """Bring it back."""
    try:
        back = services.restore(actor=request.actor, phrase_id=phrase_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("“%(phrase)s” is in the list again.") % {"phrase": back})
    return redirect("reports:phrases")


@member
@require_POST
def start(request: MemberRequest) -> HttpResponse:
    """The usual ones, for a clinic without a list."""
    try:
        services.start(actor=request.actor)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("The usual phrases are in the list. Make them your own."))
    return redirect("reports:phrases")
