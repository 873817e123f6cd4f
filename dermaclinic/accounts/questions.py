"""The question for a second factor, as pages ask it: what is offered, and what was answered."""

from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import second_factor
from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.forms import CodeForm, PasskeyForm
from dermaclinic.accounts.models import User
from dermaclinic.accounts.people import memberships_of
from dermaclinic.accounts.second_factor import Kind
from dermaclinic.errors import Invalid


@dataclass(frozen=True)
class Offers:
    """With what a person may answer; `challenge` is for the browser's authenticator, or None."""

    code: bool
    challenge: dict[str, Any] | None


def offers(user: User) -> Offers:
    """What the person has enrolled. A new challenge is put into the session."""
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    challenge = webauthn.begin_authentication(user) if Kind.WEBAUTHN in kinds else None
    return Offers(bool(kinds - {Kind.WEBAUTHN}), challenge)


def door_challenge() -> dict[str, Any]:
    """A challenge for whichever passkey the browser holds; it must check the person, too."""
    return {"options": webauthn.begin_authentication(None)}


def take(request: HttpRequest, *, user: User, purpose: str) -> Authenticator:
    """The factor behind a posted code or passkey. Raises Invalid, Locked; see `second_factor`."""
    if "code" in request.POST:
        form = CodeForm(request.POST)
        if not form.is_valid():
            raise Invalid(_("Enter a code."))
        code = form.cleaned_data["code"]
        return second_factor.check_code(request, user=user, code=code, purpose=purpose)
    return second_factor.check_passkey(
        request, user=user, credential=_credential(request), purpose=purpose
    )


def take_at_door(request: HttpRequest) -> tuple[User, Authenticator]:
    """Whose passkey was posted, and which. Raises Invalid, with an event."""
    credential = _credential(request)
    try:
        user = webauthn.extract_user_from_response(credential)
    except (ValidationError, AttributeError, TypeError, ValueError) as error:
        raise _refused(request) from error
    assert isinstance(user, User)
    if not user.is_active or not memberships_of(user.pk).exists():
        raise _refused(request)
    row = second_factor.check_passkey(request, user=user, credential=credential, purpose="door")
    return user, row


def _credential(request: HttpRequest) -> dict[str, Any]:
    form = PasskeyForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("This passkey could not be read. Please try again."))
    found: dict[str, Any] = form.cleaned_data["credential"]
    return found


def _refused(request: HttpRequest) -> Invalid:
    webauthn.clear_state()
    audit.sign_in_failed(address=address_of(request), account=None)
    return Invalid(_("This passkey does not fit. Please try again."))
