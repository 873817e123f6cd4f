"""Two images of a lesion beside and over each other, and how one lies over the other."""

import uuid

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import NotFound, Unavailable
from imaging.alignment import TooLong
from imaging.vault import VaultError
from reports.selectors import compare as selector
from reports.views.web import as_uuid


@never_cache
@reading
@require_safe
def compare(request: MemberRequest, lesion_id: uuid.UUID) -> HttpResponse:
    """The page; `left` and `right` name the images, and either may be left out."""
    found = selector.comparison(
        request.actor, lesion_id, left=_image(request, "left"), right=_image(request, "right")
    )
    return render(request, "reports/compare.html", {"found": found, "patient": found.patient})


def _image(request: MemberRequest, name: str) -> uuid.UUID | None:
    text = request.GET.get(name, "")
    if not text:
        return None
    chosen = as_uuid(text)
    if chosen is None:
        raise NotFound
    return chosen


@never_cache
@member
@require_safe
def aligned(
    request: MemberRequest, lesion_id: uuid.UUID, left: uuid.UUID, right: uuid.UUID
) -> HttpResponse:
    """JSON: `aligned`, `said` in words, and, when aligned, where right pixels lie on the left.

    x' = scale · (cos·x − sin·y) + dx, y' = scale · (sin·x + cos·y) + dy, clockwise `degrees`.
    """
    try:
        found = selector.aligned(request.actor, lesion_id, left=left, right=right)
    except VaultError as error:
        raise Unavailable(_("This image cannot be opened at the moment.")) from error
    except TooLong:
        return _unaligned(_("Aligning took too long. Do it by hand."))
    if found is None:
        return _unaligned(
            _("The images could not be aligned: too little was found again. You can do it by hand.")
        )
    where = found.similarity
    said = _("Aligned: %(found)d of %(asked)d places of the skin were found again.")
    return JsonResponse(
        {
            "aligned": True,
            "said": said % {"found": found.found, "asked": found.asked},
            "scale": where.scale,
            "degrees": where.degrees,
            "dx": where.dx,
            "dy": where.dy,
            "found": found.found,
            "asked": found.asked,
        }
    )


def _unaligned(said: str) -> JsonResponse:
    return JsonResponse({"aligned": False, "said": said})
