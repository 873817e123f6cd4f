"""The API's door: a hashed token or a session, and an active membership behind it."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dermaclinic import audit
from dermaclinic.accounts.caller import actor_of, address_of, let_act
from dermaclinic.accounts.models import ApiToken, Scope, User
from dermaclinic.accounts.people import actor_for

SEEN_EVERY = timedelta(minutes=1)  # how often a token's last use is written

_REFUSED: dict[str, StrOrPromise] = {
    "expired": _("This token has expired. Make a new one."),
    "revoked": _("This token has been revoked. Make a new one."),
    "inactive": _("This token is not valid."),
}


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token …`; looked up by its SHA-256. One that no longer holds is on record."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"token":
            return None
        digest = ApiToken.digest_of(parts[1].decode("latin-1")) if len(parts) == 2 else ""
        rows = ApiToken.objects.select_related("membership__user", "membership__clinic")
        token = rows.filter(digest=digest).first()
        if token is None:
            raise AuthenticationFailed(_("This token is not valid."))
        actor = actor_for(request._request, token.membership)
        if reason := _why_not(token):
            audit.token_refused(actor, token, reason=reason)
            raise AuthenticationFailed(_REFUSED[reason])
        _note_use(token, address_of(request._request))
        let_act(request._request, actor)
        return token.membership.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


def _why_not(token: ApiToken) -> str:
    if not (token.membership.is_active and token.membership.user.is_active):
        return "inactive"
    return "" if token.state == ApiToken.State.ACTIVE else str(token.state)


def _note_use(token: ApiToken, address: str) -> None:
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - SEEN_EVERY)
    if token.last_used_at is None or token.last_used_at < now - SEEN_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk, revoked_at=None).update(
            last_used_at=now, last_used_address=address or None
        )


class IsMember(BasePermission):
    """Signed in, with an active membership: `request.actor` is there."""

    message = _("Sign in as a member of a clinic.")

    def has_permission(self, request: Request, view: Any) -> bool:
        signed_in = bool(request.user and request.user.is_authenticated)
        return signed_in and actor_of(request._request) is not None


class TokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Token …. Each operation names the scope that the token needs as "
            f"`x-token-scope`: {', '.join(Scope.values)}.",
        }
