"""The next visit comes ahead: which images it has, and the script that holds them in memory.

Nothing of it is kept on a disk, and to bring an image ahead is not to look at it: the look is asked
for, and written down, when the page opens (imaging/views/ahead.py, static/js/ahead-worker.js).
"""

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, reading
from reports.services import next_visit
from reports.views.web import as_uuid


@never_cache
@reading
@require_safe
def ahead(request: MemberRequest) -> HttpResponse:
    """Where the images of the next free visit are fetched, by their ids; no name, no opinion."""
    found = next_visit.images_ahead(actor=request.actor, but=as_uuid(request.GET.get("from", "")))
    return JsonResponse({"images": {str(pk): reverse("imaging:ahead", args=[pk]) for pk in found}})


@require_safe
def script(request: MemberRequest) -> HttpResponse:
    """The service worker. From here, and not from `static/`, since it serves the doctor's pages.

    The same for everybody, and nothing of a clinic's.
    """
    path = finders.find("js/ahead-worker.js")
    if not isinstance(path, str):
        raise Http404
    response = HttpResponse(Path(path).read_bytes(), content_type="text/javascript")
    response.headers["Service-Worker-Allowed"] = reverse("reports:worklist")
    return response
