"""Domain errors, and what a page makes of them.

A service raises; nothing else decides on a status code. Pages show the sentence, the API answers
with RFC 9457 problem details (dermaclinic/problems.py). A user sees what was wrong and what to do,
never a traceback.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.sealing.keyring import VaultError

logger = logging.getLogger(__name__)


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


class TooMany(DomainError):
    """Too many requests in too short a time."""

    status = 429
    slug = "too-many-requests"
    title = _("Too many requests")


class Unavailable(DomainError):
    """A part of the system that is needed does not answer; trying again later may help."""

    status = 503
    slug = "unavailable"
    title = _("Not available right now")


def told(exc: Exception) -> DomainError | None:
    """What a user is told of an exception; None for a defect.

    An object of the vault that cannot be opened is the operator's trouble, and in the log.
    """
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, VaultError):
        logger.error("%s: %s", type(exc).__name__, exc)
        return Unavailable(_("What is stored cannot be opened at the moment. Try again later."))
    if isinstance(exc, IntegrityError) and _is_of_moved_record(exc):
        return Conflict(
            _("What you worked on has been moved to another record meanwhile. Open it anew.")
        )
    return None


def _is_of_moved_record(exc: IntegrityError) -> bool:
    """Did the database refuse a row because a merge of two records was quicker?

    Services lock the patient, but learn before it whose the visit or the lesion is.
    """
    name = getattr(getattr(exc.__cause__, "diag", None), "constraint_name", None) or ""
    return name == "closed_record_takes_nothing" or "_same_patient_id_" in name


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


class DomainErrorMiddleware:
    """Turns a domain error raised by a page's view into a calm page with its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """Only domain errors; everything else is a defect and goes to Django's 500 page."""
        error = told(exc)
        if error is None:
            return None
        return render(request, "errors/problem.html", {"error": error}, status=error.status)
