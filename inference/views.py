"""Pages of opinions: the small status that open pages ask for, the heat map, the models."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, NotFound, Unavailable
from imaging.models import Instance
from inference import heatmap, selectors
from inference.models import ModelVersion, Status
from inference.services import models as model_services
from inference.services import requests
from patients.models import Purpose
from patients.services import allows


@never_cache
@reading
@require_safe
def status(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """What there is of an opinion on an image, small; asks again by itself until it is final.

    204 while it is still what the page already shows (`known`).
    """
    images = Instance.objects.select_related("patient")
    instance = policies.find(request.actor, "view", images, pk=instance_id)
    prediction = selectors.newest(request.actor, [instance_id]).get(instance_id)
    if prediction is not None and request.GET.get("known") == prediction.status:
        return HttpResponse(status=204)
    opted_out = not allows(instance.patient, Purpose.AI_OPINION)
    if prediction is not None and prediction.status == Status.READY and not opted_out:
        prediction.instance = instance
        audit.viewed_prediction(request.actor, prediction)
    context = {"instance": instance, "prediction": prediction, "opted_out": opted_out}
    return render(request, "inference/_status.html", context)


@reading
@require_safe
def heat_map(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """Where the network saw it, as a transparent picture in the image's proportions; a look.

    The browser may keep it but asks every time.
    """
    prediction = selectors.find(request.actor, prediction_id)
    if prediction.saliency is None or prediction.saliency_shape is None:
        raise NotFound
    audit.viewed_prediction(request.actor, prediction)
    size = (prediction.instance.width, prediction.instance.height)
    picture = heatmap.png(bytes(prediction.saliency), prediction.saliency_shape, size)
    etag = f'"{prediction.pk}"'
    headers = {"ETag": etag, "Cross-Origin-Resource-Policy": "same-origin"}
    response = HttpResponse(picture, content_type="image/png", headers=headers)
    answer = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(answer, HttpResponse)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@member
@require_POST
def ask(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """Ask for the first opinion on an image; back to the page that the person came from."""
    try:
        requests.request_first(actor=request.actor, instance_id=instance_id)
    except (Conflict, Unavailable) as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("An opinion is asked for. It appears by itself."))
    return _back(request)


@member
@require_POST
def rerun(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """Ask for another opinion; back to the page that the doctor came from."""
    try:
        requests.rerun(actor=request.actor, prediction_id=prediction_id)
    except (Conflict, Unavailable) as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("Another opinion is asked for. It appears by itself."))
    return _back(request)


def _back(request: MemberRequest) -> HttpResponse:
    target = request.POST.get("next", "")
    secure = request.is_secure()
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=secure)
    return redirect(target if safe else "home")


@never_cache
@reading
@require_safe
def models(request: MemberRequest) -> HttpResponse:
    """The registered model packages, and which one answers."""
    return render(
        request,
        "inference/models.html",
        {
            "models": selectors.models(request.actor),
            "may_activate": policies.can(request.actor, "activate", ModelVersion),
        },
    )


@member
@require_POST
def activate(request: MemberRequest, model_id: uuid.UUID) -> HttpResponse:
    """Let a model answer from now on."""
    model = model_services.activate(actor=request.actor, model_id=model_id)
    messages.success(request, _("%(model)s answers from now on.") % {"model": model})
    return redirect("inference:models")
