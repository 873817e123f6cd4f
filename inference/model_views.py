"""Pages of the model registry: who answers for which images, how well, and choosing another one."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict
from inference import cards, figures, plots, registry
from inference.models import ModelVersion
from inference.services import models as model_services, shadow


def _may(request: MemberRequest) -> dict[str, bool]:
    return {
        f"may_{verb}": policies.can(request.actor, verb, ModelVersion)
        for verb in ("activate", "shadow", "compare")
    }


@never_cache
@reading
@require_safe
def models(request: MemberRequest) -> HttpResponse:
    """The registered model packages: for each kind of image which one answers, and who chose it."""
    context = {
        "kinds": registry.kinds(request.actor),
        "history": registry.history(request.actor),
        **_may(request),
    }
    return render(request, "inference/models.html", context)


@never_cache
@reading
@require_safe
def model(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """One version: what it is for, how well it does, its card, and when it answered."""
    found = registry.find(request.actor, model_id)
    measured = figures.of(found)
    classes = figures.classes(measured, found.manifest)
    context = {
        "model": found,
        "kind": registry.kind_of(request.actor, found),
        "history": registry.history(request.actor, found),
        "n": figures.count(measured.get("n")),
        "declined": figures.count(measured.get("declined")),
        "headlines": figures.headlines(measured),
        "classes": classes,
        "groups": figures.groups(measured),
        "displays": {row.key: row.display for row in classes},
        "reliability": plots.reliability(measured),
        "roc": plots.roc(measured, [row.key for row in classes]),
        "confusion": plots.confusion(measured, measured.get("keys") or [c.key for c in classes]),
        "card": cards.html(found.card),
        **_may(request),
    }
    return render(request, "inference/model.html", context)


def _change(
    request: MemberRequest, change: Callable[[], ModelVersion], done: str, model_id: uuid.UUID
) -> HttpResponse:
    """Make a change, and say what became of it on the page it was asked from."""
    try:
        changed = change()
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, done % {"model": changed})
    if request.POST.get("from") == "model":
        return redirect("inference:model", model_id)
    return redirect("inference:models")


@member
@require_POST
def activate(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """Let a model answer from now on."""
    return _change(
        request,
        lambda: model_services.activate(actor=request.actor, model_id=model_id),
        _("%(model)s answers from now on."),
        model_id,
    )


@member
@require_POST
def deactivate(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """Take the active model out of service."""
    return _change(
        request,
        lambda: model_services.deactivate(actor=request.actor, model_id=model_id),
        _("%(model)s no longer answers."),
        model_id,
    )


@member
@require_POST
def roll_back(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """From the active model back to the one that answered before it."""
    return _change(
        request,
        lambda: model_services.roll_back(actor=request.actor, model_id=model_id),
        _("Rolled back: %(model)s answers from now on."),
        model_id,
    )


@member
@require_POST
def start_shadow(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """Let a model run in the shadow of the active one."""
    return _change(
        request,
        lambda: shadow.start(actor=request.actor, model_id=model_id),
        _("%(model)s runs in the shadow from now on."),
        model_id,
    )


@member
@require_POST
def stop_shadow(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """Let a model no longer run in the shadow."""
    return _change(
        request,
        lambda: shadow.stop(actor=request.actor, model_id=model_id),
        _("%(model)s no longer runs in the shadow."),
        model_id,
    )
