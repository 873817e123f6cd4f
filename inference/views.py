"""Pages of opinions: the small status that open pages ask for, and the heat map."""

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
from dermaclinic.errors import Conflict, Unavailable
from imaging.models import Instance
from inference import selectors, veil
from inference.models import Prediction, Status
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
    veiled = False
    if prediction is not None and prediction.status == Status.READY and not opted_out:
        prediction.instance = instance
        veiled = veil.is_hidden(request.actor, prediction)
        audit.viewed_prediction(request.actor, prediction, veiled=veiled)
    context = {
        "instance": instance,
        "prediction": prediction,
        "opted_out": opted_out,
        "veiled": veiled,
    }
    return render(request, "inference/_status.html", context)


@reading
@require_safe
def heat_map(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """Where the network saw its first class, as a transparent picture over the image; a look."""
    prediction = _open(request, prediction_id)
    return _picture(request, prediction, "first", selectors.heat_map(prediction))


@reading
@require_safe
def melanoma_map(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """The same for melanoma, where that is not the first class."""
    prediction = _open(request, prediction_id)
    return _picture(request, prediction, "mel", selectors.heat_map(prediction, melanoma=True))


@reading
@require_safe
def lesion_outline(request: MemberRequest, prediction_id: uuid.UUID) -> HttpResponse:
    """The outline of the lesion as a drawing over the image; a look."""
    prediction = _open(request, prediction_id)
    drawn = selectors.outline(prediction)
    return _picture(request, prediction, "outline", drawn.encode(), kind="image/svg+xml")


def _open(request: MemberRequest, prediction_id: uuid.UUID) -> Prediction:
    """An opinion that is open to the person; Veiled while their own diagnosis comes first."""
    prediction = selectors.find(request.actor, prediction_id)
    veil.require_open(request.actor, prediction)
    return prediction


def _picture(
    request: MemberRequest,
    prediction: Prediction,
    what: str,
    picture: bytes,
    *,
    kind: str = "image/png",
) -> HttpResponse:
    """No browser keeps it."""
    audit.viewed_prediction(request.actor, prediction)
    etag = f'"{prediction.pk}-{what}"'
    headers = {"ETag": etag, "Cross-Origin-Resource-Policy": "same-origin"}
    response = HttpResponse(picture, content_type=kind, headers=headers)
    answer = get_conditional_response(request, etag=etag, response=response)
    assert isinstance(answer, HttpResponse)
    answer.headers["Cache-Control"] = "private, no-store"
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
