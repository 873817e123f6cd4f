"""A hospital's identity provider (OpenID Connect, authorization code with PKCE).

allauth drives the flow and keeps the state; checked here is what it leaves open: the id token's
signature against the provider's keys, its nonce, and who may come in. The provider speaks for one
clinic (OIDC_CLINIC). It never makes a member: a first sign-in ties its subject to the member with
the same e-mail, if the provider has verified that; from then on only the subject counts.
"""

import hashlib
import time
from typing import Any

import jwt
from allauth.account.internal.flows.login import (
    clear_authentication_records,
    record_authentication,
)
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string, salted_hmac

from dermaclinic.accounts import door, identities
from dermaclinic.accounts.models import User

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]  # asymmetric: the secret signs nothing
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
LEEWAY = 30  # seconds between two clocks


def provider_name() -> str:
    """What the button says; empty when no provider is set up."""
    return str(settings.OIDC_NAME) if settings.OIDC_ISSUER else ""


def provider_id() -> str:
    """Under which name subjects are kept. Another issuer's are other subjects."""
    return f"oidc-{hashlib.sha256(settings.OIDC_ISSUER.encode()).hexdigest()[:24]}"


def start(request: HttpRequest, *, target: str, confirming: bool) -> HttpResponse:
    """Send the browser to the provider. `confirming`: somebody signed in is asked anew there."""
    state_id = get_random_string(32)
    asked = {"nonce": _nonce(state_id)}
    if confirming:
        asked |= {"prompt": "login", "max_age": "0"}
    answer: HttpResponse = Provider.made(request).redirect(
        request,
        AuthProcess.LOGIN,
        next_url=target,
        data={"confirming": confirming},
        state_id=state_id,
        auth_params=asked,
    )
    return answer


def _nonce(state_id: str) -> str:
    """Bound to the state, which is random, kept in the session and used once."""
    return salted_hmac("dermaclinic.accounts.oidc", state_id, algorithm="sha256").hexdigest()


class Adapter(OpenIDConnectOAuth2Adapter):
    """allauth's client, with the id token checked in full (OpenID Connect Core 1.0, 3.1.3.7)."""

    def get_provider(self) -> "Provider":
        return Provider.made(self.request)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return str(request.build_absolute_uri(reverse("sign-in-provider-callback")))

    @property
    def openid_config(self) -> dict[str, Any]:
        found: dict[str, Any] = super().openid_config
        if found.get("issuer") != settings.OIDC_ISSUER:
            raise OAuth2Error("The provider calls itself by another name.")
        return found

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        claims = self.verified(str(kwargs["response"].get("id_token") or ""))
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise OAuth2Error("The user info is another subject's.")
            claims = {**more, **claims}
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, claims)
        login.claims = claims
        return login

    def verified(self, id_token: str) -> dict[str, Any]:
        """The claims of an id token that is the provider's, for us, and now; else OAuth2Error."""
        try:
            key_id = jwt.get_unverified_header(id_token).get("kid")
            key = next(each for each in self._keys() if key_id in (None, each.key_id))
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=key,
                algorithms=ALGORITHMS,
                issuer=settings.OIDC_ISSUER,
                audience=settings.OIDC_CLIENT_ID,
                leeway=LEEWAY,
                options={"require": REQUIRED},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            raise OAuth2Error("The id token does not hold.") from error
        if claims["nonce"] != _nonce(self.request.GET.get("state", "")):
            raise OAuth2Error("The id token answers another request.")
        if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
            raise OAuth2Error("The id token was given to another client.")
        return claims

    def _keys(self) -> list[jwt.PyJWK]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            found = jwt.PyJWKSet.from_dict(answer.json())
        return [each for each in found.keys if each.public_key_use in (None, "sig")]


class Provider(OpenIDConnectProvider):
    """The one provider of this installation, from the environment."""

    oauth2_adapter_class = Adapter

    @classmethod
    def made(cls, request: HttpRequest) -> "Provider":
        return cls(request, app=_app())

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}  # it makes nobody

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        return []

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}  # the subject is all that is kept


def _app() -> SocialApp:
    """How we are registered there."""
    return SocialApp(
        provider=OpenIDConnectProvider.id,
        provider_id=provider_id(),
        name=settings.OIDC_NAME,
        client_id=settings.OIDC_CLIENT_ID,
        secret=settings.OIDC_CLIENT_SECRET,
        settings={"server_url": settings.OIDC_ISSUER, "oauth_pkce_enabled": True},
    )


class SocialAdapter(DefaultSocialAccountAdapter):
    """Who may come in that way; every refusal ends on one page and in the audit."""

    def list_apps(self, request: HttpRequest, **wanted: Any) -> list[SocialApp]:
        return [_app()] if provider_name() else []

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        claims: dict[str, Any] = sociallogin.claims
        try:
            if sociallogin.state["data"]["confirming"]:
                response = _confirmed(request, sociallogin, claims)
                raise ImmediateHttpResponse(response)
            account = sociallogin.account
            user = identities.admit(request, provider=account.provider, claims=claims)
        except identities.Refused as refused:
            identities.record_refusal(request, refused)
            raise ImmediateHttpResponse(_turned_away(request)) from refused
        clear_authentication_records(request)  # of whoever went away at the second question
        sociallogin.user = user
        sociallogin.account = SocialAccount.objects.get(provider=account.provider, user=user)
        sociallogin.state["mfa"] = "mfa" in claims.get("amr", ())  # RFC 8176

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, **more: Any
    ) -> None:
        identities.record_refusal(request, identities.Refused("protocol"))
        raise ImmediateHttpResponse(_turned_away(request))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False


def _turned_away(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/provider_refused.html", status=403)


def _confirmed(
    request: HttpRequest, sociallogin: SocialLogin, claims: dict[str, Any]
) -> HttpResponse:
    """Somebody signed in has proved at the provider, just now, that it is they."""
    user = request.user
    age = time.time() - float(claims.get("auth_time", 0))
    if not isinstance(user, User) or sociallogin.user != user:
        raise identities.Refused("another person")
    if age > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        raise identities.Refused("not asked anew")
    record_authentication(request, user, method="socialaccount", reauthenticated=True)
    identities.record_confirmation(request, user)
    target = sociallogin.state.get("next") or ""
    return redirect(target if door.is_ours(request, target) else "home")
