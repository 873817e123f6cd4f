"""Pages of merging: the second record is found, compared, merged, and taken apart again."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import policies
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from patients import selectors as patients
from patients.forms import SearchForm
from patients.merging import identity, selectors, services
from patients.models import Patient

FOUND = 20  # records that a search for the second one shows
SHORTEST = 2  # characters of a search


class ReasonForm(PageForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=services.LONGEST,
        help_text=gettext_lazy("It stays on record."),
        widget=forms.Textarea({"rows": 2}),
    )


class MergeForm(ReasonForm):
    """Which record each value comes from, and the versions of both that the person saw."""

    survivor_version = forms.IntegerField(widget=forms.HiddenInput)
    other_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sides = [(side, side) for side in identity.SIDES]
        for name in identity.CHOICES:
            self.fields[name] = forms.ChoiceField(choices=sides, required=False)

    @property
    def taken(self) -> list[str]:
        """The fields whose value comes from the record that is closed."""
        return [name for name in identity.CHOICES if self.cleaned_data.get(name) == "closed"]

    @property
    def seen(self) -> tuple[int, int]:
        return self.cleaned_data["survivor_version"], self.cleaned_data["other_version"]


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def second_record(request: MemberRequest, patient_id: uuid.UUID) -> HttpResponse:
    """Which other record is the same person's? Likely ones first; a search by POST."""
    policies.require(request.actor, "merge", Patient)
    patient, likely = selectors.likely(actor=request.actor, patient_id=patient_id)
    form = SearchForm(request.POST or None)
    q = form.cleaned_data["q"] if form.is_valid() else ""
    found = None
    if len(q) >= SHORTEST:
        found = [
            each
            for each in patients.search(actor=request.actor, q=q, limit=FOUND)
            if each.pk != patient_id
        ]
    context = {"patient": patient, "likely": likely, "form": form, "found": found}
    return render(request, "patients/merge_find.html", context)


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: MemberRequest, patient_id: uuid.UUID, other_id: uuid.UUID) -> HttpResponse:
    """Both records side by side, and what a merge would do; POST does it."""
    policies.require(request.actor, "merge", Patient)
    if request.method != "POST":
        return _preview(request, patient_id, other_id, None)
    form = MergeForm(request.POST)
    if form.is_valid():
        try:
            services.merge_patients(
                actor=request.actor,
                survivor_id=patient_id,
                other_id=other_id,
                reason=form.cleaned_data["reason"],
                taken=form.taken,
                seen=form.seen,
            )
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The two records are one now. You can undo this below."))
            return redirect("patients:detail", patient_id)
    return _preview(request, patient_id, other_id, form)


@reading
def _preview(
    request: MemberRequest, patient_id: uuid.UUID, other_id: uuid.UUID, form: MergeForm | None
) -> HttpResponse:
    preview = selectors.preview(actor=request.actor, survivor_id=patient_id, other_id=other_id)
    shown = form or MergeForm(
        initial={
            "survivor_version": preview.survivor.version,
            "other_version": preview.other.version,
        }
    )
    taken = {name for name in identity.CHOICES if form and form.data.get(name) == "closed"}
    context = {"preview": preview, "patient": preview.survivor, "form": shown, "taken": taken}
    status = Conflict.status if form else 200
    return render(request, "patients/merge.html", context, status=status)


@never_cache
@member
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: MemberRequest, merge_id: uuid.UUID) -> HttpResponse:
    """What would go back, and what stands against it; POST does it."""
    if request.method != "POST":
        return _undo_preview(request, merge_id, None)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            done = services.undo_merge(
                actor=request.actor, merge_id=merge_id, reason=form.cleaned_data["reason"]
            )
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, _("The merge is undone: these are two records again."))
            return redirect("patients:detail", done.merge.survivor_id)
    return _undo_preview(request, merge_id, form)


@reading
def _undo_preview(
    request: MemberRequest, merge_id: uuid.UUID, form: ReasonForm | None
) -> HttpResponse:
    preview = selectors.undo_preview(actor=request.actor, merge_id=merge_id)
    context = {
        "preview": preview,
        "merge": preview.merge,
        "patient": preview.merge.survivor,
        "form": form or ReasonForm(),
    }
    status = Conflict.status if form else 200
    return render(request, "patients/merge_undo.html", context, status=status)


def closed_record(request: MemberRequest, record: patients.Record) -> HttpResponse:
    """A record that was merged: where its rows are now. Part of a view that reads."""
    [merge, *_earlier] = selectors.merges(request.actor, [record.patient.pk])
    was = selectors.identity_before(merge)
    context = {"record": record, "patient": record.patient, "merge": merge, "was": was}
    return render(request, "patients/merged.html", context)
