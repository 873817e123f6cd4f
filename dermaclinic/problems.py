"""The API's errors: RFC 9457 problem details, for domain errors and DRF's own alike."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from dermaclinic.errors import DomainError, Invalid, NotFound, problem


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: domain errors and DRF's own, all as problem+json."""
    set_rollback()
    if isinstance(exc, DjangoValidationError):
        exc = drf.ValidationError(exc.messages)
    if isinstance(exc, DomainError):
        return Response(
            problem(exc), exc.status, content_type="application/problem+json"
        )
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
