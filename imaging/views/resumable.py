"""The door for files in parts: tus 1.0.0 (imaging/resumable/protocol.py), for the visit's page.

The same session, permissions and CSRF header as every page's form.
"""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import DomainError
from imaging import services
from imaging.forms import uuid_or_none
from imaging.models import Upload
from imaging.resumable import protocol
from imaging.views.visit import refusal, tile

View = Callable[..., HttpResponse]


def _speaking_tus(view: View) -> View:
    """Check the version, and turn what was raised into problem details with tus's headers."""

    @wraps(view)
    def wrapped(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return protocol.abilities(HttpResponse(status=204))
        try:
            protocol.check_version(request)
            return view(request, *args, **kwargs)
        except DomainError as error:
            response = refusal(error)
            if isinstance(error, protocol.WrongVersion):
                response.headers["Tus-Version"] = protocol.VERSION
            at = error.offset if isinstance(error, protocol.WrongOffset) else None
            return protocol.told(response, at=at)

    return wrapped


@never_cache
@member
@require_http_methods(["POST", "OPTIONS"])
@_speaking_tus
def begin(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Announce a file: 201 with its address, or 200 with the tile of an image that is here already.

    Upload-Metadata: `filename`, `lesion`, `modality`, and `sha256` of the whole file: with it an
    unfinished upload of the same file is gone on with.
    """
    said = protocol.metadata(request)
    length = protocol.length(request)
    try:
        begun = services.begin_upload(
            actor=request.actor,
            study_id=study_id,
            length=length,
            filename=said.get("filename", ""),
            lesion_id=uuid_or_none(said.get("lesion")),
            modality=said.get("modality", ""),
            sha256=said.get(protocol.WHOLE_FILE, ""),
        )
    except services.UploadRefused as error:  # too many bytes: told before any has come
        refused = refusal(error)
        refused.status_code = protocol.TooLarge.status
        return protocol.told(refused)
    if begun.known is not None:
        return protocol.told(tile(request, begun.known.pk))
    assert begun.upload is not None
    response = HttpResponse(status=201)
    response.headers["Location"] = reverse("imaging:part", args=[begun.upload.pk])
    return _how_far(response, begun.upload)


@never_cache
@member
@require_http_methods(["HEAD", "PATCH", "DELETE", "OPTIONS"])
@_speaking_tus
def part(request: MemberRequest, upload_id: uuid.UUID) -> HttpResponse:
    """How far a file is (HEAD), its next bytes (PATCH), or its end (DELETE)."""
    if request.method == "DELETE":
        services.discard_upload(actor=request.actor, upload_id=upload_id)
        return protocol.told(HttpResponse(status=204))
    if request.method == "HEAD":
        found = services.upload_state(actor=request.actor, upload_id=upload_id)
        return _how_far(HttpResponse(status=200), found)
    at = protocol.offset(request)
    # Asked before a body is read: nobody fills memory for an upload that is not theirs.
    services.upload_state(actor=request.actor, upload_id=upload_id)
    data = protocol.part(request)
    upload = services.receive_part(actor=request.actor, upload_id=upload_id, offset=at, data=data)
    if upload.offset < upload.length:
        return _how_far(HttpResponse(status=204), upload)
    return _settled(request, upload)


def _settled(request: MemberRequest, upload: Upload) -> HttpResponse:
    """The last byte is there: what became of the file."""
    try:
        ingested = services.settle_upload(actor=request.actor, upload_id=upload.pk)
    except DomainError as error:
        response: HttpResponse = refusal(error)
        if isinstance(error, protocol.WrongChecksum):
            return protocol.told(response)
    else:
        response = tile(request, ingested.instance.pk)
        response.status_code = 201 if ingested.created else 200
    return _how_far(response, upload)


def _how_far(response: HttpResponse, upload: Upload) -> HttpResponse:
    return protocol.told(response, at=upload.offset, of=upload.length, expires=upload.expires_at)
