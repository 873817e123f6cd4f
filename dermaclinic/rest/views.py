"""The frame of an endpoint: who acts, what they may send, and a clinic's context around a look."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.caller import actor_of
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.rest import parsers
from dermaclinic.rest.schema import Operation
from dermaclinic.rest.serializers import Strict, valid

V = TypeVar("V", bound="Endpoint")
Handler = Callable[..., HttpResponse]


class OneForm(DefaultContentNegotiation):
    """Each address has one form of answer, whatever a client would rather have (RFC 9110, 12.5)."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        only = next(iter(renderers))
        return only, str(only.media_type)


class Endpoint(APIView):
    """An address of the API. Its methods check the body, call one service or selector, answer."""

    parser_classes: Sequence[type[BaseParser]] = [parsers.JSON]
    content_negotiation_class = OneForm
    schema = Operation()

    @property
    def actor(self) -> Actor:
        """The member at work; `IsMember` has seen to it that there is one."""
        actor = actor_of(self.request._request)
        assert actor is not None, "IsMember lets nobody else in"
        return actor

    @property
    def by_session(self) -> bool:
        """Does a browser ask, with the session of its pages, instead of a script with a token?"""
        return self.request.auth is None

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Answers and refusals tell of patients: nothing is stored on the way, unless one says."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "private, no-store")
        return final

    def body(self, form: type[Strict]) -> dict[str, Any]:
        """The request's checked body."""
        return valid(form, self.request.data)

    def query(self, form: type[Strict]) -> dict[str, Any]:
        """The request's checked query."""
        return valid(form, self.request.query_params)


def reading(handler: Handler) -> Handler:
    """A method that only reads: it runs, and puts its answer together, in the clinic's context."""

    @wraps(handler)
    def wrapped(view: V, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        with clinic_context(view.actor.clinic_id):
            return handler(view, request, *args, **kwargs)

    return wrapped


def binary(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    etag: str | None = None,
    filename: str = "",
) -> HttpResponse:
    """Bytes for one person's eyes: kept by no cache; a client of its own may ask by ETag."""
    response = HttpResponse(content, content_type=media_type)
    response["Cache-Control"] = "private, no-store"
    if filename:
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
    if etag is None:
        return response
    response["ETag"] = etag
    return get_conditional_response(request._request, etag=etag, response=response) or response
