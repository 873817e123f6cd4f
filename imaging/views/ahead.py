"""The bytes of an image before anybody opens its visit."""

import uuid

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import Unavailable
from imaging.ahead import image_ahead
from imaging.vault import VaultError


@member
@require_safe
def ahead(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """For the memory of static/js/ahead-worker.js alone: no cache keeps it.

    What it holds it shows only after asking the image's own address whether it still may, by the
    ETag: that is the look, with its permission check and its event.
    """
    try:
        found = image_ahead(actor=request.actor, instance_id=instance_id)
    except VaultError as error:
        raise Unavailable(_("This image cannot be opened at the moment.")) from error
    response = HttpResponse(found.content, content_type=found.media_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["ETag"] = found.etag
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
