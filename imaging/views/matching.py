"""The tray: images of a visit are given to lesions, many at once, and that is taken back."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Invalid
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
    done = services.assign_images(
        actor=request.actor,
        study_id=study_id,
        image_ids=_images(request),
        lesion_id=lesion_id,
    )
    return _answer(request, study_id, done, back=False)


@member
@require_POST
def take_back(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """File images as before: `lesion` has as many values as `image`, "" for none."""
    lesions = [uuid_or_none(each) for each in request.POST.getlist("lesion")]
    images = _images(request)
    if len(lesions) != len(images):
        raise Invalid(_("The request was not understood. Reload the page and try again."))
    done = services.take_back_assignment(
        actor=request.actor, study_id=study_id, former=dict(zip(images, lesions, strict=True))
    )
    return _answer(request, study_id, done, back=True)


def _images(request: MemberRequest) -> list[uuid.UUID]:
    found = [uuid_or_none(each) for each in request.POST.getlist("image")]
    return [each for each in found if each is not None]


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
        "former": done.former,
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
