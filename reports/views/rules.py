"""How this clinic reviews: whether the opinion comes second, and what a second doctor reads."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import clinic_settings, policies
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member
from dermaclinic.errors import Conflict, Invalid
from reports import diagnoses

REFUSED = 422  # the page again, with what was entered
FIELDS = ("blinded_first", "second_read_codes", "second_read_share")


def _conditions() -> list[Any]:
    """All diagnoses by name, the malignant ones first."""
    by_name = sorted(diagnoses.DIAGNOSES.values(), key=lambda each: str(each.display).lower())
    groups = {_("Malignant"): True, _("Benign and other"): False}
    return [
        (label, [(each.code, each.display) for each in by_name if each.malignant is malignant])
        for label, malignant in groups.items()
    ]


class ReviewRulesForm(PageForm):
    """`second_read_percent` is the share in per cent, as people say it."""

    number = forms.IntegerField(widget=forms.HiddenInput)
    blinded_first = forms.BooleanField(
        label=_("The doctor's own diagnosis comes first"),
        help_text=_(
            "Until one is recorded, doctors see of an opinion only whether it is urgent or routine."
        ),
        required=False,
    )
    second_read_codes = forms.MultipleChoiceField(
        label=_("Always read by a second doctor"),
        choices=_conditions,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    second_read_percent = forms.DecimalField(
        label=_("Drawn for a second doctor, in per cent"),
        help_text=_("Of the benign cases in which doctor and opinion agree. 0 draws none."),
        min_value=0,
        max_value=100,
        max_digits=5,
        decimal_places=2,
        widget=forms.NumberInput({"autocomplete": "off"}),
    )

    @classmethod
    def holding(cls, held: ClinicSettings | None) -> "ReviewRulesForm":
        """Filled in with what holds."""
        rules = held or ClinicSettings()
        return cls(
            initial={
                "number": held.number if held else 0,
                "blinded_first": rules.blinded_first,
                "second_read_codes": rules.second_read_codes,
                "second_read_percent": round(100 * rules.second_read_share, 2),
            }
        )

    @property
    def conditions(self) -> list[tuple[Any, list[Any]]]:
        """The boxes under the names of their groups."""
        boxes = iter(self["second_read_codes"])
        return [(label, [next(boxes) for _choice in choices]) for label, choices in _conditions()]

    @property
    def answers(self) -> dict[str, Any]:
        """What `clinic_settings.change` takes."""
        given = dict(self.cleaned_data)
        return given | {"second_read_share": float(given.pop("second_read_percent")) / 100}


@member
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: MemberRequest) -> HttpResponse:
    """Doctors see the rules, administrators change them; in force with the next page."""
    actor = request.actor
    with clinic_context(actor.clinic_id):
        writes = request.method == "POST"
        policies.require(actor, "change" if writes else "view", ClinicSettings)
        held = clinic_settings.current()
        changes = _changes(clinic_settings.history())
    if not writes:
        may_change = policies.can(actor, "change", ClinicSettings)
        form = ReviewRulesForm.holding(held) if may_change else None
        return _page(request, held, changes, form)
    form = ReviewRulesForm(request.POST)
    if not form.is_valid():
        return _page(request, held, changes, form, REFUSED)
    try:
        clinic_settings.change(actor=actor, **form.answers)
    except (Invalid, Conflict) as error:
        form.refuse(error)
        status = REFUSED if isinstance(error, Invalid) else error.status
        return _page(request, held, changes, form, status)
    messages.success(request, gettext("The rules are stored, and the audit has them."))
    return redirect("reports:rules")


def _changes(history: list[ClinicSettings]) -> list[ClinicSettings]:
    """Those of the clinic's settings that changed one of these, newest first."""
    older = [*history[1:], ClinicSettings()]
    return [
        each
        for each, former in zip(history, older, strict=False)
        if any(getattr(each, name) != getattr(former, name) for name in FIELDS)
    ]


def _page(
    request: MemberRequest,
    held: ClinicSettings | None,
    changes: list[ClinicSettings],
    form: ReviewRulesForm | None,
    status: int = 200,
) -> HttpResponse:
    context = {"held": held or ClinicSettings(), "changes": changes, "form": form}
    return render(request, "reports/rules.html", context, status=status)
