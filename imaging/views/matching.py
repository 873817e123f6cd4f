"""The tray: images of a visit are given to lesions, many at once, and that is taken back."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, DomainError, Invalid
from imaging import selectors, services
from imaging.forms import uuid_or_none
from imaging.services.assigning import Assigned


@member
@require_POST
def assign(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """Give the chosen images to one lesion."""
    lesion_id = uuid_or_none(request.POST.get("lesion"))
    if lesion_id is None:
        raise Invalid(_("Choose a lesion."))
    try:
        done = services.assign_images(
            actor=request.actor,
            study_id=study_id,
            image_ids=_images(request),
            lesion_id=lesion_id,
        )
    except (Conflict, Invalid) as error:
        return _refused(request, error)
    return _answer(request, study_id, done, back=False)


@member
@require_POST
def take_back(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """File images as before: `former` holds "image:lesion" pairs with commas between them, the
    lesion left out for none."""
    pairs = [each.partition(":") for each in request.POST.get("former", "").split(",") if each]
    try:
        done = services.take_back_assignment(
            actor=request.actor,
            study_id=study_id,
            former={_id(image): uuid_or_none(lesion) for image, _colon, lesion in pairs},
        )
    except (Conflict, Invalid) as error:
        return _refused(request, error)
    return _answer(request, study_id, done, back=True)


def _images(request: MemberRequest) -> list[uuid.UUID]:
    """A form's checkboxes, or one field with commas: a form has no room for hundreds of fields."""
    return [_id(each) for field in request.POST.getlist("image") for each in field.split(",")]


def _id(text: str) -> uuid.UUID:
    found = uuid_or_none(text)
    if found is None:
        raise Invalid(_("Choose at least one image."))
    return found


def _refused(request: MemberRequest, error: DomainError) -> HttpResponse:
    """Why nothing was changed, where the page says what was done."""
    if not getattr(request, "htmx", False):
        raise error
    context = {"said": error.detail, "refused": True, "oob": True}
    return render(request, "imaging/_undo.html", context, status=error.status)


def _answer(
    request: MemberRequest, study_id: uuid.UUID, done: Assigned, *, back: bool
) -> HttpResponse:
    """The tray as it now is, and what changed elsewhere on the page."""
    if not getattr(request, "htmx", False):
        messages.success(request, said(done, back=back))
        return redirect("imaging:visit", study_id)
    return _fragment(request, study_id, done, back)


@never_cache
@reading
def _fragment(
    request: MemberRequest, study_id: uuid.UUID, done: Assigned, back: bool
) -> HttpResponse:
    found = selectors.visit(actor=request.actor, study_id=study_id)
    changed = {image.pk for image in done.images}
    context = {
        "visit": found,
        "lesions": list(found.study.patient.lesions.all()),
        "changed": [image for image in found.instances if image.pk in changed],
        "former": ",".join(f"{image}:{lesion or ''}" for image, lesion in done.former.items()),
        "was_in_tray": {pk for pk, lesion in done.former.items() if lesion is None},
        "said": said(done, back=back),
        "undo": not back,
    }
    return render(request, "imaging/_tray_changed.html", context)


def said(done: Assigned, *, back: bool) -> str:
    """What was done, in a sentence."""
    count = len(done.images)
    if back:
        return ngettext(
            "Taken back: %(count)s image is where it was before.",
            "Taken back: %(count)s images are where they were before.",
            count,
        ) % {"count": count}
    return ngettext(
        "%(count)s image shows lesion %(lesion)s.",
        "%(count)s images show lesion %(lesion)s.",
        count,
    ) % {"count": count, "lesion": done.images[0].lesion}
