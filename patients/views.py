"""Pages of patients: find, register, the record, edits, consents, lesions."""

import uuid
from dataclasses import asdict

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dermaclinic.accounts import policies
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from patients import merge_views, moves, selectors, services
from patients.body_map.places import Place
from patients.forms import (
    ConsentForm,
    LesionForm,
    PatientChangeForm,
    PatientForm,
    SearchForm,
)
from patients.models import Patient

LIMIT = 50
SHORTEST = 2  # characters; less would show half of the clinic


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: MemberRequest) -> HttpResponse:
    """Search by POST: a name never stands in an address. htmx asks for the rows alone."""
    policies.require(request.actor, "view", Patient)
    form = SearchForm(request.POST or None)
    q = form.cleaned_data["q"] if form.is_valid() else ""
    found = None
    if len(q) >= SHORTEST:
        found = selectors.search(actor=request.actor, q=q, limit=LIMIT)
    context = {"form": form, "found": found, "limit": LIMIT}
    template = "patients/_found.html" if request.htmx else "patients/find.html"  # type: ignore[attr-defined]  # HtmxMiddleware
    return render(request, template, context)


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: MemberRequest) -> HttpResponse:
    """A new record; on success its page, where consent comes first."""
    policies.require(request.actor, "add", Patient)
    form = PatientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            patient = services.register_patient(actor=request.actor, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The patient is registered. Record the consents next."))
            return redirect("patients:detail", patient.pk)
    status = Invalid.status if form.errors else 200
    return render(request, "patients/register.html", {"form": form}, status=status)


@never_cache
@member
@require_POST
def similar(request: MemberRequest) -> HttpResponse:
    """While registering: records that may be the same person."""
    policies.require(request.actor, "add", Patient)
    form = PatientForm(request.POST)
    form.is_valid()  # it is not: the rest is still to be filled in
    found = selectors.similar(
        actor=request.actor,
        family_name=form.cleaned_data.get("family_name", ""),
        birth_date=form.cleaned_data.get("birth_date"),
    )
    return render(request, "patients/_similar.html", {"found": found})


@never_cache
@reading
@require_safe
def detail(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """The record."""
    return _record(request, patient_id)


def _record(
    request: MemberRequest, patient_id: uuid.UUID, lesion_form: LesionForm | None = None
) -> HttpResponse:
    record = selectors.record(actor=request.actor, patient_id=patient_id)
    if record.patient.merged_into_id is not None:
        return merge_views.closed_record(request, record)
    said = {
        purpose: "yes" if consent.granted else "no" for purpose, consent in record.consents.items()
    }
    context = {
        "record": record,
        "patient": record.patient,
        "consent_form": ConsentForm(initial=said),
        "lesion_form": lesion_form or LesionForm(),
        "move": moves.take(request, patient_id),
    }
    status = Invalid.status if lesion_form else 200
    return render(request, "patients/detail.html", context, status=status)


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """Edit identity and contact data, beside the history of earlier edits."""
    if request.method != "POST":
        return _change_page(request, patient_id, None)
    form = PatientChangeForm(request.POST)
    if form.is_valid():
        try:
            services.change_patient(actor=request.actor, patient_id=patient_id, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The changes are stored."))
            return redirect("patients:detail", patient_id)
    return _change_page(request, patient_id, form)


@reading
def _change_page(
    request: MemberRequest, patient_id: uuid.UUID, form: PatientChangeForm | None
) -> HttpResponse:
    record = selectors.record(actor=request.actor, patient_id=patient_id)
    patient = record.patient
    names = (*services.IDENTITY, "version")
    known = {name: getattr(patient, name) for name in names} | asdict(record.contact)
    shown = form or PatientChangeForm(initial=known)
    context = {"form": shown, "record": record, "patient": patient}
    status = Invalid.status if form else 200
    return render(request, "patients/change.html", context, status=status)


@member
@require_POST
def consents(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """Record what the patient said."""
    form = ConsentForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("Choose yes or no for each purpose."))
    made = services.record_consents(
        actor=request.actor, patient_id=patient_id, decisions=form.decisions
    )
    if made:
        messages.success(request, _("The consents are recorded."))
    else:
        messages.info(request, _("Nothing was recorded: no answer differs from the last one."))
    return redirect("patients:detail", patient_id)


@member
@require_POST
def add_lesion(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """A new lesion; back to where the person came from (the record, or a visit)."""
    form = LesionForm(request.POST)
    if form.is_valid():
        try:
            lesion = services.add_lesion(
                actor=request.actor, patient_id=patient_id, **form.cleaned_data
            )
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, _("Lesion %(number)d is added.") % {"number": lesion.number})
            return redirect(f"{reverse('patients:detail', args=[patient_id])}#lesions")
    return _record_with(request, patient_id, form)


@reading
def _record_with(request: MemberRequest, patient_id: uuid.UUID, form: LesionForm) -> HttpResponse:
    return _record(request, patient_id, form)


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def change_lesion(
    request: MemberRequest, patient_id: uuid.UUID, lesion_id: uuid.UUID
) -> HttpResponse:
    """Correct where a lesion is."""
    if request.method != "POST":
        return _lesion_page(request, patient_id, lesion_id, None)
    form = LesionForm(request.POST)
    if form.is_valid():
        try:
            changed = services.change_lesion(
                actor=request.actor, lesion_id=lesion_id, **form.cleaned_data
            )
        except Invalid as error:
            form.refuse(error)
        else:
            if changed.moved:
                moves.remember(request, changed.lesion, changed.former)
            else:
                messages.success(request, _("The lesion is corrected."))
            return redirect(f"{reverse('patients:detail', args=[patient_id])}#lesions")
    return _lesion_page(request, patient_id, lesion_id, form)


@reading
def _lesion_page(
    request: MemberRequest, patient_id: uuid.UUID, lesion_id: uuid.UUID, form: LesionForm | None
) -> HttpResponse:
    record = selectors.record(actor=request.actor, patient_id=patient_id)
    lesion = policies.find(request.actor, "change", record.patient.lesions.all(), pk=lesion_id)
    shown = form or LesionForm.of(lesion)
    context = {"form": shown, "lesion": lesion, "patient": record.patient}
    status = Invalid.status if form else 200
    return render(request, "patients/lesion.html", context, status=status)


@member
@require_POST
def place_lesion(
    request: MemberRequest, patient_id: uuid.UUID, lesion_id: uuid.UUID
) -> HttpResponse:
    """Move a lesion's marker, or move it back: `undo` is said by the notice that offers it."""
    changed = services.place_lesion(
        actor=request.actor,
        lesion_id=lesion_id,
        place=Place.parse(request.POST.get("point", "")),
        seen=Place.parse(request.POST.get("seen", "")),
    )
    if request.POST.get("undo"):
        messages.success(request, _("The lesion is back where it was."))
    elif changed.moved:
        moves.remember(request, changed.lesion, changed.former)
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    return redirect(target if safe else reverse("patients:detail", args=[patient_id]))
