"""One image: its bytes, its page, and the move of a misfiled one."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid, Unavailable
from imaging import selectors, services
from imaging.forms import MoveForm
from imaging.models import Modality, Study
from imaging.vault import VaultError
from patients.selectors import search

FOUND_PATIENTS = 10


@member
@require_safe
def rendition(request: MemberRequest, instance_id: uuid.UUID, which: str) -> HttpResponse:
    """The bytes of "image" or "thumbnail". No browser keeps them.

    So each look passes the permission check and the audit; an unchanged image is not sent again.
    """
    try:
        found = selectors.rendition(actor=request.actor, instance_id=instance_id, which=which)
    except VaultError as error:
        raise Unavailable(_("This image cannot be opened at the moment.")) from error
    response = HttpResponse(found.content, content_type=found.media_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["ETag"] = found.etag
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer = get_conditional_response(request, etag=found.etag, response=response)
    assert answer is not None
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@never_cache
@reading
@require_safe
def instance(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """The image's page."""
    found = selectors.instance(actor=request.actor, instance_id=instance_id)
    context = {
        "instance": found,
        "patient": found.patient,
        "lesions": list(found.patient.lesions.all()),
        "modalities": Modality.choices,
    }
    return render(request, "imaging/instance.html", context)


@never_cache
@reading
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """Choose the right visit: another of this patient, or, by a search (POST), of another one."""
    return _move_page(request, instance_id, MoveForm(), request.POST.get("q", "").strip())


@member
@require_POST
def move_to(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """Move it."""
    form = MoveForm(request.POST)
    if form.is_valid():
        try:
            moved = services.move_instance(
                actor=request.actor,
                instance_id=instance_id,
                study_id=form.cleaned_data["study"],
                reason=form.cleaned_data["reason"],
            )
        except (Conflict, Invalid) as error:
            form.refuse(error)
        else:
            messages.success(
                request,
                _("The image is moved. Say which lesion it shows; its opinion is asked for again."),
            )
            return redirect("imaging:visit", moved.study_id)
    return _move_again(request, instance_id, form)


@reading
def _move_again(request: MemberRequest, instance_id: uuid.UUID, form: MoveForm) -> HttpResponse:
    return _move_page(request, instance_id, form, request.POST.get("q", "").strip())


def _move_page(
    request: MemberRequest, instance_id: uuid.UUID, form: MoveForm, q: str
) -> HttpResponse:
    found = selectors.instance(actor=request.actor, instance_id=instance_id)
    patients = [found.patient]
    if q:
        patients = search(actor=request.actor, q=q, limit=FOUND_PATIENTS)
    targets: list[tuple[object, list[Study]]] = [
        (
            patient,
            [
                study
                for study in selectors.visits(request.actor, patient.pk)
                if study.pk != found.study_id
            ],
        )
        for patient in patients
    ]
    context = {
        "instance": found,
        "patient": found.patient,
        "targets": targets,
        "form": form,
        "q": q,
    }
    status = Invalid.status if form.errors else 200
    return render(request, "imaging/move.html", context, status=status)
