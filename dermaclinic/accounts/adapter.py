"""What allauth asks of this house: who may sign up (nobody), which stages the door has."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import user_logged_in
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dermaclinic.accounts.caller import address_of
from dermaclinic.accounts.models import User

NAME = "dermaclinic"


class AccountAdapter(DefaultAccountAdapter):
    """Members come by invitation; allauth neither makes accounts nor writes e-mails."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def get_login_stages(self) -> list[str]:
        return ["dermaclinic.accounts.door.FactorStage"]

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **login: Any
    ) -> HttpResponse:
        """On to the clinic. The signal is allauth's own: its list of sessions hangs on it."""
        from dermaclinic.accounts import door

        assert isinstance(user, User)
        if (login["signal_kwargs"] or {}).get("sociallogin"):
            request.session[door.ONLY_CLINIC] = str(settings.OIDC_CLINIC)
        response = door.welcome(request, user, login["redirect_url"] or "")
        user_logged_in.send(sender=User, request=request, response=response, user=user)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        return redirect("sign-in")

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Our pages say what happened themselves."""

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """What happened to an account is in the audit."""


class MfaAdapter(DefaultMFAAdapter):
    """How passkeys and code apps call this place."""

    def get_totp_issuer(self) -> str:
        return NAME

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": NAME}
