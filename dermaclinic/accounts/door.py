"""The way through the door: a proof, the second factor, the clinic, the session.

allauth keeps the order and the proofs (`record_authentication`); what is ours is what a proof is,
which stages there are, and where a person lands. The session's key changes when somebody is signed
in (Django's `login`), so that no session from before is worth anything.
"""

import uuid
from typing import Any

from allauth.account.internal.flows.login import (
    clear_authentication_records,
    get_authentication_records,
    perform_login,
    record_authentication,
)
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.mfa.internal.constants import LoginStageKey
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts import questions, second_factor, services
from dermaclinic.accounts.models import Membership, User
from dermaclinic.accounts.people import memberships_of
from dermaclinic.accounts.web import PersonRequest
from dermaclinic.errors import Invalid

UNDECIDED = str(uuid.UUID(int=0))  # no clinic has this id: nobody acts before they have chosen
ONLY_CLINIC = "only_clinic"  # in the session: the one clinic that an identity provider speaks for


class FactorStage(AuthenticateStage):
    """Who has a second factor shows it, unless the first proof was one already."""

    urlname = "sign-in-factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        vouched = (self.login.signal_kwargs or {}).get("sociallogin")
        if user is not None and vouched is not None and vouched.state.get("mfa"):
            record_authentication(self.request, user, method="mfa", type="provider")
            return None, True
        if user is None or not second_factor.has_any(user.pk):
            return None, True
        proofs = get_authentication_records(self.request, user)
        if any(each.get("passwordless") for each in proofs):
            return None, True
        return redirect(self.urlname), True


def knock(
    request: HttpRequest, user: User, *, method: str, target: str, **evidence: Any
) -> HttpResponse:
    """A first proof is given (`method`: password or mfa): go on to the next stage."""
    if request.user.is_authenticated:
        auth.logout(request)  # whoever was here before takes nothing along
    clear_authentication_records(request)  # nor does who went away at the second question
    record_authentication(request, user, method=method, **evidence)
    return perform_login(request, Login(user=user, redirect_url=target))


def waiting(request: HttpRequest) -> FactorStage | None:
    """The stage of somebody who has given the first proof and owes the second factor."""
    if request.user.is_authenticated:
        return None
    stage: FactorStage | None = LoginStageController.enter(
        request, LoginStageKey.MFA_AUTHENTICATE.value
    )
    return stage


def shown(request: HttpRequest, user: User, row: Authenticator, **more: Any) -> None:
    """Keep on the session that a second factor was right."""
    record_authentication(request, user, method="mfa", id=row.pk, type=str(row.type), **more)


def confirm(request: PersonRequest, *, password: str | None) -> None:
    """Somebody signed in proves again who they are: by a factor, without one by the password.

    Raises Invalid, Locked.
    """
    user = request.user
    if password is not None:
        if not takes_password(user):
            raise Invalid(_("Your account has a second factor. Please show that."))
        services.confirm_password(request, user=user, password=password)
        record_authentication(request, user, method="password", reauthenticated=True)
        return
    row = questions.take(request, user=user, purpose="confirmation")
    shown(request, user, row, reauthenticated=True)


def takes_password(user: User) -> bool:
    """Whether the password confirms who somebody is: of those who have no second factor."""
    return user.has_usable_password() and not second_factor.has_any(user.pk)


def came_by_provider(request: PersonRequest) -> bool:
    """Whether the session began at an identity provider, where one can also confirm."""
    proofs = get_authentication_records(request, request.user)
    return any(each["method"] == "socialaccount" for each in proofs)


def welcome(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """Signed in: on to the one clinic, or to the choice among several."""
    memberships = choices(request, user.pk)
    if len(memberships) != 1:
        request.session["clinic"] = UNDECIDED
        request.session["several_clinics"] = True
        request.session["after_choice"] = target
        return redirect("choose-clinic")
    return enter(request, memberships[0], target)


def choices(request: HttpRequest, user_id: uuid.UUID) -> list[Membership]:
    """The clinics that this session may choose among."""
    found = memberships_of(user_id)
    only = request.session.get(ONLY_CLINIC)
    return list(found.filter(clinic_id=only) if only else found)


def enter(request: HttpRequest, membership: Membership, target: str) -> HttpResponse:
    """Begin to work in a clinic, and go where one wanted to go."""
    request.session["clinic"] = str(membership.clinic_id)
    services.record_sign_in(request, membership, how=_how(request, membership.user))
    return redirect(target if is_ours(request, target) else "home")


def is_ours(request: HttpRequest, target: str) -> bool:
    """Whether an address is one of this site."""
    return url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def _how(request: HttpRequest, user: User) -> str:
    """The first proof of the session: password, webauthn or provider."""
    proofs = get_authentication_records(request, user)
    first = proofs[0] if proofs else {}
    if first.get("method") == "socialaccount":
        return "provider"
    return str(first.get("type") or first.get("method") or "password")
