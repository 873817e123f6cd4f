"""The API's door: a hashed token or a session, and an active membership behind it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dermaclinic.accounts.models import ApiToken, User
from dermaclinic.accounts.services import actor_for


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token …`; looked up by its SHA-256."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"token":
            return None
        digest = ApiToken.digest_of(parts[1].decode("latin-1")) if len(parts) == 2 else ""
        token = (
            ApiToken.objects.select_related("membership__user", "membership__clinic")
            .filter(
                digest=digest,
                membership__is_active=True,
                membership__user__is_active=True,
            )
            .first()
        )
        if token is None:
            raise AuthenticationFailed(_("This token is not valid."))
        request._request.actor = actor_for(request._request, token.membership)  # type: ignore[attr-defined]  # ours to add
        return token.membership.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class IsMember(BasePermission):
    """Signed in, with an active membership: `request.actor` is there."""

    message = _("Sign in as a member of a clinic.")

    def has_permission(self, request: Request, view: Any) -> bool:
        signed_in = bool(request.user and request.user.is_authenticated)
        return signed_in and bool(request._request.actor)  # type: ignore[attr-defined]  # set by ActorMiddleware


class TokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Token …",
        }
