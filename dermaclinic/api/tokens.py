"""A token for e-mail and password: the way in for scripts."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic.accounts import services, tokens
from dermaclinic.rest.schema import operation
from dermaclinic.rest.serializers import Strict
from dermaclinic.rest.views import Endpoint


class CredentialsIn(Strict):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    otp = serializers.CharField(
        max_length=20, required=False, help_text="Where the account has a second factor: its code."
    )


class TokenOut(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it as `Authorization: Token …`. Shown once.")


class TokenList(Endpoint):
    """Takes no Idempotency-Key: nobody is known yet whose key it could be."""

    authentication_classes = ()
    permission_classes = ()

    @operation(
        "auth_token",
        "Get a token",
        description="For the person's first clinic by name. It has every scope and holds for "
        "twelve hours; tokens that last longer and may do less are made on the pages.",
        request=CredentialsIn,
        responses={200: TokenOut},
        signed_in=False,
    )
    def post(self, request: Request) -> Response:
        membership = services.check_credentials(request._request, **self.body(CredentialsIn))
        return Response({"token": tokens.issue_at_door(request._request, membership)})
