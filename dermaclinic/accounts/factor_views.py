"""The page of one's own second factors: enrol, remove, and print recovery codes."""

import base64
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.internal import auth as webauthn
from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dermaclinic.accounts import enrolment, passwords
from dermaclinic.accounts.forms import AppCodeForm, NewPasskeyForm, NewPasswordForm
from dermaclinic.accounts.second_factor import Kind
from dermaclinic.accounts.web import PersonRequest, account_holder, needs_factor
from dermaclinic.errors import Conflict, DomainError, Invalid


@login_required
@never_cache
@require_safe
def overview(request: PersonRequest) -> HttpResponse:
    """What is enrolled. Who must enrol first, or must show it first, is told so here."""
    factors = enrolment.factors(request.user)
    context = {
        "factors": [_row(each) for each in factors],
        "has_app": any(each.type == Kind.TOTP for each in factors),
        "codes_left": enrolment.codes_left(request.user),
        "must": needs_factor(request),
    }
    return render(request, "accounts/factors.html", context)


def _row(factor: Any) -> dict[str, Any]:
    is_app = factor.type == Kind.TOTP
    return {
        "id": factor.pk,
        "name": _("Code app") if is_app else factor.data["name"],
        "kind": _("time-based codes") if is_app else _("passkey"),
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    }


@csp_update({"img-src": "data:"})  # the QR code: kept nowhere, so it has no address
@login_required
@never_cache
@account_holder
@sensitive_post_parameters("code")
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
def add_app(request: PersonRequest) -> HttpResponse:
    """Scan, type the code, done."""
    form = AppCodeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = Invalid.status
        if form.is_valid():
            try:
                codes = enrolment.add_totp(
                    request, user=request.user, code=form.cleaned_data["code"]
                )
            except (Invalid, Conflict) as error:
                form.refuse(error)
                status = error.status
            else:
                return _done(request, codes)
    secret = enrolment.pending_secret()
    adapter = get_adapter()
    drawing = adapter.build_totp_svg(adapter.build_totp_url(request.user, secret))
    context = {
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "drawing": base64.b64encode(drawing.encode()).decode(),
    }
    return render(request, "accounts/factor_app.html", context, status=status)


@login_required
@never_cache
@account_holder
@require_http_methods(["GET", "HEAD", "POST"])
def add_passkey(request: PersonRequest) -> HttpResponse:
    """The browser's authenticator makes a key pair; its public half is kept."""
    form = NewPasskeyForm(request.POST or None)
    refused: DomainError | None = None
    if request.method == "POST":
        if form.is_valid():
            try:
                codes = enrolment.add_passkey(request, user=request.user, **form.cleaned_data)
            except (Invalid, Conflict) as error:
                refused = error
            else:
                return _done(request, codes)
        else:
            refused = Invalid(_("Please give the passkey a name, and try again."))
    context = {
        "form": form,
        "refused": refused,
        "options": webauthn.begin_registration(request.user, passwordless=True),
    }
    status = refused.status if refused else 200
    return render(request, "accounts/factor_passkey.html", context, status=status)


@login_required
@account_holder
@require_POST
def remove(request: PersonRequest, factor_id: int) -> HttpResponse:
    """Take a factor off the account."""
    try:
        enrolment.remove(request, user=request.user, factor_id=factor_id)
    except Conflict as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("The second factor is removed."))
    return redirect("second-factors")


@login_required
@never_cache
@account_holder
@require_POST
def renew_codes(request: PersonRequest) -> HttpResponse:
    """New recovery codes, shown once."""
    try:
        codes = enrolment.renew_codes(request, user=request.user)
    except Conflict as error:
        messages.error(request, str(error.detail))
        return redirect("second-factors")
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


def _done(request: PersonRequest, codes: list[str]) -> HttpResponse:
    messages.success(request, _("The second factor is on your account."))
    if codes:
        return render(request, "accounts/recovery_codes.html", {"codes": codes})
    return redirect("second-factors")


@login_required
@never_cache
@account_holder
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: PersonRequest) -> HttpResponse:
    """A new password; every other session of the person ends with the old one."""
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            passwords.change(request, user=request.user, password=form.cleaned_data["password"])
        except Invalid as error:
            form.refuse(error)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(request, _("Your password is changed."))
            return redirect("second-factors")
    status = Invalid.status if form.errors else 200
    return render(request, "accounts/password.html", {"form": form}, status=status)
