"""The API's errors: RFC 9457 problem details, for domain errors and DRF's own alike."""

from typing import Any

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError as DjangoValidationError,
)
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from dermaclinic.errors import DomainError, Invalid, NotFound, TooMany, problem, told

PROBLEM_JSON = "application/problem+json"


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; None for a defect, which goes on to the 500 page and the log."""
    if (error := told(exc)) is not None:
        return Response(problem(error), error.status, content_type=PROBLEM_JSON)
    response = exception_handler(_as_drf(exc), context)
    if response is None:
        return None
    response.data = problem(_described(_as_drf(exc), response))
    response.content_type = PROBLEM_JSON
    return response


def _as_drf(exc: Exception) -> Exception:
    """Django's complaints about a request, which DRF leaves to Django's own pages."""
    if isinstance(exc, DjangoValidationError):
        return drf.ValidationError(exc.messages)
    if isinstance(exc, RequestDataTooBig):
        return TooLarge()
    if isinstance(exc, BadRequest | SuspiciousOperation | UnreadablePostError):
        return drf.ParseError(_("The body cannot be read."))
    return exc


class TooLarge(drf.APIException):
    """The body is larger than what is read here."""

    status_code = 413
    default_code = "too-large"
    default_detail = _("The request is too large.")


def _described(exc: Exception, response: Response) -> DomainError:
    error = DomainError(_("The request was not understood."))
    error.status = response.status_code
    if isinstance(exc, drf.ValidationError):
        errors = response.data
        if not isinstance(errors, dict):
            errors = {api_settings.NON_FIELD_ERRORS_KEY: errors}
        error.title, error.detail = Invalid.title, _("Some fields need your attention.")
        error.extra = {"errors": errors}
    elif isinstance(exc, drf.APIException):
        error.slug = str(exc.default_code).replace("_", "-")
        error.title, error.detail = str(exc.default_detail), str(exc.detail)
        if isinstance(exc, drf.Throttled):
            error.slug, error.title = TooMany.slug, TooMany.title
    elif response.status_code == NotFound.status:
        error.slug, error.title, error.detail = NotFound.slug, NotFound.title, NotFound().detail
    else:
        error.slug, error.title = "forbidden", str(drf.PermissionDenied.default_detail)
    return error


@csrf_exempt
def no_such_address(request: HttpRequest) -> JsonResponse:
    """The answer for whatever is not in the API's contract."""
    error = NotFound(_("There is nothing at this address. Addresses end with a slash."))
    return JsonResponse(problem(error), status=error.status, content_type=PROBLEM_JSON)
