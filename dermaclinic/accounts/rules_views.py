"""The clinic's rules for signing in: second factors, and how long a screen stays open."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import clinic_settings, policies
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.models import ClinicSettings, Role
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reauthenticated
from dermaclinic.errors import Conflict, Invalid

REFUSED = 422  # the page again, with what was entered


class RulesForm(PageForm):
    number = forms.IntegerField(widget=forms.HiddenInput)
    mfa_roles = forms.MultipleChoiceField(
        label=gettext_lazy("Who needs a second factor"),
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    idle_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes without a touch until sign-out"),
        min_value=clinic_settings.IDLE_MINUTES[0],
        max_value=clinic_settings.IDLE_MINUTES[1],
        help_text=gettext_lazy("From 5 to 60. What was typed and not sent is kept."),
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )


@member
@never_cache
@reauthenticated
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_rules(request: MemberRequest) -> HttpResponse:
    """Seen and changed by an administrator; in force with everybody's next request."""
    actor = request.actor
    with clinic_context(actor.clinic_id):
        policies.require(actor, "change", ClinicSettings)
        held = clinic_settings.current()
        now: dict[str, Any] = {
            "number": held.number if held else 0,
            "mfa_roles": clinic_settings.mfa_roles(),
            "idle_minutes": clinic_settings.idle_minutes(),
        }
    if request.method != "POST":
        return _page(request, RulesForm(initial=now))
    form = RulesForm(request.POST)
    if not form.is_valid():
        return _page(request, form, REFUSED)
    try:
        clinic_settings.change(
            actor=actor,
            prevalence=held.prevalence if held else None,
            targets=held.targets if held else {},
            **form.cleaned_data,
        )
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return _page(request, form, REFUSED if isinstance(error, Invalid) else error.status)
    messages.success(request, _("The rules are stored, and the audit has them."))
    return redirect("sign-in-rules")


def _page(request: MemberRequest, form: RulesForm, status: int = 200) -> HttpResponse:
    return render(request, "accounts/sign_in_rules.html", {"form": form}, status=status)
