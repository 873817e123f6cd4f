"""The visit's page: files are dropped here, and everything that became of them is shown."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import DomainError, Invalid, problem as problem_body
from imaging import quality, selectors, services
from imaging.formats import MAX_BYTES
from imaging.forms import StartForm, uuid_or_none
from imaging.views.camera import with_camera
from patients.models import Purpose
from patients.services import allows

PART_BYTES = 4 * 1024 * 1024  # sent at once: what a break costs at most


@member
@require_POST
def start(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """A new visit, now or when the form says."""
    form = StartForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This is not a date and time. Please choose one."))
        return redirect("patients:detail", patient_id)
    try:
        study = services.start_study(
            actor=request.actor,
            patient_id=patient_id,
            acquired_at=form.cleaned_data["acquired_at"],
        )
    except Invalid as error:
        messages.error(request, str(error.detail))
        return redirect("patients:detail", patient_id)
    return redirect("imaging:visit", study.pk)


@with_camera
@never_cache
@reading
@require_safe
def visit(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """The whole page."""
    found = selectors.visit(actor=request.actor, study_id=study_id)
    patient = found.study.patient
    context = {
        "visit": found,
        "patient": patient,
        "lesions": list(patient.lesions.all()),
        "may_upload": allows(patient, Purpose.CARE),
        "max_bytes": MAX_BYTES,
        "part_bytes": PART_BYTES,
        "measure": quality.for_browser(),
    }
    return render(request, "imaging/visit.html", context)


@never_cache
@reading
@require_safe
def arrivals(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """What of the visit was refused or is held: shown anew when uploads have settled."""
    found = selectors.visit(actor=request.actor, study_id=study_id)
    return render(request, "imaging/_arrivals.html", {"visit": found})


@member
@require_POST
def upload(request: MemberRequest, study_id: uuid.UUID) -> HttpResponse:
    """One file. 201 with the image's tile, 200 when it was here already, else problem details.

    A browser without scripts is sent back to the visit, with a sentence.
    """
    try:
        given = request.FILES.get("file")
        if given is None:
            raise _missing(request, study_id)
        ingested = services.ingest(
            actor=request.actor,
            study_id=study_id,
            data=given.read(),
            filename=str(given.name or ""),
            lesion_id=uuid_or_none(request.POST.get("lesion")),
            modality=request.POST.get("modality", ""),
        )
    except DomainError as error:
        if not _is_plain_form(request):
            return refusal(error)
        messages.error(request, str(error.detail))
        return redirect("imaging:visit", study_id)
    if _is_plain_form(request):
        messages.success(request, _("The image is stored."))
        return redirect("imaging:visit", study_id)
    response = tile(request, ingested.instance.pk)
    response.status_code = 201 if ingested.created else 200
    return response


def _is_plain_form(request: MemberRequest) -> bool:
    """Whether the browser will show the answer as its next page."""
    return request.headers.get("Sec-Fetch-Dest") == "document"


@member
@require_POST
def assign(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """Say which lesion an image shows; answers with its tile."""
    lesion_id = uuid_or_none(request.POST.get("lesion"))
    if lesion_id is None:
        raise Invalid(_("Choose a lesion."))
    services.assign_lesion(actor=request.actor, instance_id=instance_id, lesion_id=lesion_id)
    return tile(request, instance_id, alone=True)


@member
@require_POST
def modality(request: MemberRequest, instance_id: uuid.UUID) -> HttpResponse:
    """Say how an image was taken; answers with its tile."""
    kind = request.POST.get("modality", "")
    services.correct_modality(actor=request.actor, instance_id=instance_id, modality=kind)
    return tile(request, instance_id, alone=True)


@never_cache
@reading
def tile(request: MemberRequest, instance_id: uuid.UUID, *, alone: bool = False) -> HttpResponse:
    """One image: as it stands in its visit, or `alone` on its own page."""
    found = selectors.instance(actor=request.actor, instance_id=instance_id)
    lesions = list(found.patient.lesions.all())
    context = {"instance": found, "lesions": lesions, "alone": alone}
    in_tray = not found.lesion_id and not alone
    return render(request, f"imaging/{'_tray_item' if in_tray else '_tile'}.html", context)


def _missing(request: MemberRequest, study_id: uuid.UUID) -> DomainError:
    size = int(request.META.get("CONTENT_LENGTH") or 0)
    if size > MAX_BYTES:
        return services.refuse_unread(actor=request.actor, study_id=study_id, size=size)
    return Invalid(_("No file has arrived. Choose one and try again."))


def refusal(error: DomainError) -> JsonResponse:
    """Why a file was not stored, as problem details; a held one with the way to its decision."""
    body = problem_body(error)
    if held := error.extra.get("quarantine"):
        body["link"] = reverse("imaging:held-item", args=[held])
    return JsonResponse(body, status=error.status, content_type="application/problem+json")
