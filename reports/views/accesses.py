"""Who looked at a patient's record: looked up, then handed out as PDF."""

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from dermaclinic.accounts.web import MemberRequest, member, reading, reauthenticated
from dermaclinic.audit.disclosure import zone
from dermaclinic.audit.forms import SpanForm
from dermaclinic.errors import Invalid, Unavailable
from dermaclinic.pdf import CannotRender
from reports import accesses


class AccessesForm(SpanForm):
    """From when to when, and whether the people are named."""

    people = forms.ChoiceField(
        label=gettext_lazy("People"),
        required=False,
        choices=[
            ("names", gettext_lazy("by name and role")),
            ("roles", gettext_lazy("by role alone")),
        ],
    )

    @property
    def days(self) -> dict[str, Any]:
        return {name: self.cleaned_data.get(name) for name in ("since", "until")}

    @property
    def named(self) -> bool:
        return self.cleaned_data.get("people") != "roles"


@never_cache
@require_safe
@reading
def of_patient(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """The list on a page, before it is printed."""
    form = AccessesForm(request.GET)
    days = form.days if form.is_valid() else {}
    found = accesses.of_patient(actor=request.actor, patient_id=patient_id, **days)
    context = {
        "form": form,
        "listing": found,
        "patient": found.patient,
        "accesses": found.accesses,
        "named": not form.is_valid() or form.named,
        "zone": zone(),
        "kept": request.GET.urlencode() if form.is_valid() else "",
        "may_open": request.actor.role != "administrator",
    }
    return render(request, "reports/accesses.html", context)


@never_cache
@require_GET
@member
@reauthenticated
def document(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """The PDF's bytes; made now and kept nowhere. The file's name tells nothing of the patient."""
    form = AccessesForm(request.GET)
    if not form.is_valid():
        raise Invalid(_("These days make no sense together. Go back and set them anew."))
    try:
        data = accesses.document(
            actor=request.actor, patient_id=patient_id, named=form.named, **form.days
        )
    except CannotRender as error:
        raise Unavailable(str(error)) from error
    headers = {
        "Content-Disposition": 'attachment; filename="accesses.pdf"',
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return HttpResponse(data, content_type="application/pdf", headers=headers)
