"""How far the opinions on a visit's images are: one question for the whole page, however many
images are on it. It tells urgent or routine and why an image was declined, never a diagnosis."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, reading
from imaging.models import Instance, Study
from inference import selectors
from inference.models import Prediction, Status
from patients.models import Purpose
from patients.services import allows

NOT_ASKED, OPTED_OUT = "missing", "opted_out"


@never_cache
@reading
@require_POST
def briefs(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """What has changed of the images that the page still waits for; 204 for nothing.

    `pending` holds "image:state" pairs with commas between them, the state as the page shows it,
    "" for one that shows nothing yet. What is answered goes into its place on the page.
    """
    study = policies.find(
        request.actor, "view", Study.objects.select_related("patient"), pk=study_id
    )
    shown = _pairs(request.POST.get("pending", ""))
    images = policies.visible(request.actor, Instance.objects.filter(study=study, pk__in=shown))
    opted_out = not allows(study.patient, Purpose.AI_OPINION)
    newest = selectors.newest(request.actor, [image.pk for image in images])
    found, seen = [], []
    for image in images:
        prediction = newest.get(image.pk)
        state = _state(prediction, opted_out)
        if state == shown[image.pk]:
            continue
        found.append({"instance": image, "prediction": prediction, "state": state})
        if prediction is not None and state == Status.READY:
            prediction.instance = image
            seen.append(prediction)
    if not found:
        return HttpResponse(status=204)
    audit.viewed_triages(request.actor, seen)
    return render(request, "inference/_briefs.html", {"briefs": found})


def _pairs(text: str) -> dict[uuid.UUID, str]:
    found = {}
    for pair in text.split(","):
        name, _colon, state = pair.partition(":")
        try:
            found[uuid.UUID(name)] = state
        except ValueError:
            continue
    return found


def _state(prediction: Prediction | None, opted_out: bool) -> str:
    if opted_out:
        return OPTED_OUT
    return str(prediction.status) if prediction is not None else NOT_ASKED
