"""What has come while a review stood open: opinions into their places, and word of new images."""

import uuid

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, reading
from imaging.models import Instance, Study
from reports import opinions, selectors
from reports.selectors import OpinionState, Review
from reports.views.web import as_uuid


def waiting(found: Review) -> str:
    """Images of lesions whose opinion is on its way, for the page's poll."""
    return ",".join(
        str(image.instance.pk)
        for row in found.lesions
        for image in row.images
        if image.state == OpinionState.PENDING
    )


def counts(found: Review) -> str:
    """How many images of each lesion the page shows: "1.2,4.1" are two of lesion 1, one of 4."""
    return ",".join(f"{row.lesion.number}.{len(row.images)}" for row in found.lesions)


@never_cache
@reading
@require_safe
def live(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """The opinions and images that have come since the page was shown; a look. 204 without any."""
    asked = {each for each in map(as_uuid, request.GET.get("images", "").split(",")) if each}
    policies.find(request.actor, "view", Study.objects.all(), pk=study_id)
    newest = opinions.newest(asked)
    added = _added(study_id, request.GET["counts"]) if "counts" in request.GET else []
    if not added and all(pk in newest and newest[pk].pending for pk in asked):
        return HttpResponse(status=204)
    found = selectors.review(request.actor, study_id)
    arrived = [
        row
        for row in found.lesions
        if any(
            image.instance.pk in asked and image.state != OpinionState.PENDING
            for image in row.images
        )
    ]
    for row in arrived:
        for image in row.images:
            if image.prediction is not None and image.state == OpinionState.READY:
                audit.viewed_prediction(request.actor, image.prediction, veiled=image.veiled)
    context = {
        "review": found,
        "patient": found.patient,
        "arrived": arrived,
        "added": added,
        "waiting": waiting(found),
        "counts": counts(found),
        "here": reverse("reports:review", args=[study_id]),
    }
    return render(request, "reports/_review_live.html", context)


def _added(study_id: uuid.UUID, shown: str) -> list[int]:
    """Numbers of the lesions that have more images in the visit than the page shows."""
    pairs = (each.partition(".") for each in shown.split(","))
    known = {number: count for number, _dot, count in pairs}
    rows = (
        Instance.objects.filter(study=study_id, lesion__isnull=False)
        .values_list("lesion__number")
        .annotate(count=Count("pk"))
        .order_by("lesion__number")
    )
    return [number for number, count in rows if count > _number(known.get(str(number), ""))]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0
