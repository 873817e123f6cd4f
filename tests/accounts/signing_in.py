"""What the tests of sign-in share: a browser at the door, a code app, what the audit was told."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts import clinic_settings, factor_secrets
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic, Membership, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from tests import factories
from tests.database import acting_as

WRONG = "not the password"


def sign_in(client: Client, email: str, password: str = factories.PASSWORD, **more: str) -> Any:
    return client.post(reverse("sign-in"), {"email": email, "password": password, **more})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def code_of(secret: str, *, periods: int = 0) -> str:
    """What an app shows now, or some periods from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods)))


def with_app(user: User) -> str:
    """Give somebody a code app; its secret."""
    secret = str(generate_totp_secret())
    data = {"secret": factor_secrets.sealed(user.pk, secret), "last": 0}
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=data)
    return secret


def requiring(administrator: Actor, *roles: str) -> None:
    """The administrator asks these roles for a second factor."""
    with clinic_context(administrator.clinic_id):
        held = clinic_settings.current()
    clinic_settings.change(
        actor=administrator,
        number=held.number if held else 0,
        prevalence=None,
        targets={},
        mfa_roles=list(roles),
    )


def told(clinic: Clinic, action: str) -> list[Event]:
    """What a clinic's audit says of an action, in order."""
    with clinic_context(clinic.pk):
        return list(Event.objects.filter(action=action, clinic=clinic).order_by("pk"))


def told_nobody(action: str) -> int:
    """How many events of an action belong to no clinic."""
    with acting_as("sealer"):
        return int(Event.objects.filter(action=action, clinic=None).count())


def member(clinic: Clinic, role: str = "doctor") -> Membership:
    return factories.membership(clinic, role)
