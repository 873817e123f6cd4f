"""Domain errors and the one place that maps them to HTTP.

A service raises; nothing else decides on a status code. Pages show the sentence, the API answers
with RFC 9457 problem details. A user sees what was wrong and what to do, never a traceback.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback


class DomainError(Exception):
    """Something a user asked for that cannot be. `detail` is a sentence for that user."""

    status = 400
    slug = "invalid"
    title: StrOrPromise = _("This cannot be done")

    def __init__(
        self,
        detail: StrOrPromise,
        *,
        errors: dict[str, list[StrOrPromise]] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(str(detail))
        self.detail = detail
        self.errors = errors or {}
        self.extra = extra


class Invalid(DomainError):
    """The input does not make sense; `errors` maps each field to its sentences."""

    title = _("Please check what you entered")


class Conflict(DomainError):
    """The request contradicts what is already on record."""

    status = 409
    slug = "conflict"
    title = _("This contradicts what is on record")


class Forbidden(DomainError):
    """The person's role does not allow this."""

    status = 403
    slug = "forbidden"
    title = _("Your role does not allow this")


class NotFound(DomainError):
    """There is no such thing, or it is another clinic's: the two look the same."""

    status = 404
    slug = "not-found"
    title = _("Not found")

    def __init__(self, detail: StrOrPromise = _("There is nothing at this address.")) -> None:
        super().__init__(detail)


class Unavailable(DomainError):
    """A part of the system that is needed does not answer; trying again later may help."""

    status = 503
    slug = "unavailable"
    title = _("Not available right now")


def problem(error: DomainError) -> dict[str, Any]:
    """The RFC 9457 body of a domain error."""
    body: dict[str, Any] = {
        "type": f"urn:dermaclinic:problem:{error.slug}",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.detail),
    }
    if error.errors:
        body["errors"] = {field: [str(s) for s in all_] for field, all_ in error.errors.items()}
    return body | error.extra


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: domain errors and DRF's own, all as problem+json."""
    set_rollback()
    if isinstance(exc, DjangoValidationError):
        exc = drf.ValidationError(exc.messages)
    if isinstance(exc, DomainError):
        return Response(problem(exc), exc.status, content_type="application/problem+json")
    response = exception_handler(exc, context)
    if response is None:
        return None
    error = DomainError(_("The request was not understood."))
    error.status = response.status_code
    if isinstance(exc, drf.ValidationError):
        error.title, error.detail = Invalid.title, _("Some fields need your attention.")
        error.extra = {"errors": response.data}
    elif isinstance(exc, drf.APIException):
        error.slug = str(exc.default_code).replace("_", "-")
        error.title, error.detail = exc.default_detail, str(exc.detail)
    else:
        error.slug, error.title = NotFound.slug, NotFound.title
        error.detail = NotFound().detail
    response.data = problem(error)
    response.content_type = "application/problem+json"
    return response


class DomainErrorMiddleware:
    """Turns a domain error raised by a page's view into a calm page with its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """Only domain errors; everything else is a defect and goes to Django's 500 page."""
        if not isinstance(exc, DomainError):
            return None
        return render(request, "errors/problem.html", {"error": exc}, status=exc.status)
