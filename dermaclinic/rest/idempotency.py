"""A POST with an `Idempotency-Key` happens once: its repeats get the first answer again.

After draft-ietf-httpapi-idempotency-key-header. A key is one member's in one role, for one day.
Answers hold patient data, so they are kept encrypted; a fingerprint is an HMAC, since bodies hold
passwords. For what writes only: a replay asks no policy and writes no event.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from cryptography.fernet import InvalidToken
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from dermaclinic.accounts.models import IdempotencyKey, Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, DomainError, Invalid
from dermaclinic.problems import PROBLEM_JSON, problem_details
from dermaclinic.rest.sealing import cipher

HEADER = "Idempotency-Key"
LASTS = timedelta(hours=24)
ABANDONED = timedelta(minutes=15)  # longer than any request: its process has died
MAX_LENGTH = 200
_SALT = "dermaclinic.idempotency"

H = TypeVar("H", bound=Callable[..., HttpResponse])


class KeyReused(DomainError):
    """The key belongs to another request."""

    status = 422
    slug = "idempotency-key-reused"
    title = _("This Idempotency-Key was used for another request")


class InProgress(Conflict):
    """The first request with this key has no answer yet."""

    slug = "in-progress"
    title = _("This request is being worked on")


def idempotent(handler: H) -> H:
    """A POST method that honours `Idempotency-Key`; its view is an `Endpoint`.

    Refusals are answers, too. Only what ended in a defect or an outage may be tried again.
    """

    @wraps(handler)
    def wrapped(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        # The answers stand behind the wall like what they tell of.
        clinic = view.actor.clinic_id
        with clinic_context(clinic):
            row, first = _claim(request, view, key)
        if not first:
            return _replay(row)
        try:
            response = handler(view, request, *args, **kwargs)
        except Exception as error:
            problem = problem_details(error, {"view": view, "request": request})
            if problem is None or problem.status_code >= 500:
                with clinic_context(clinic):
                    row.delete()
                raise
            response = problem
        with clinic_context(clinic):
            return _keep(row, response)

    wrapped.idempotent = True  # type: ignore[attr-defined]  # the schema and a test read it
    return wrapped  # type: ignore[return-value]  # wraps() keeps the signature


def delete_expired() -> int:
    """Remove keys that are older than a day, of all clinics, as the worker; how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - LASTS).delete()[0]


def _claim(request: Request, view: Any, key: str) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether this request is the first to use it."""
    if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
        raise Invalid(_("An Idempotency-Key has 1 to 200 printable ASCII characters."))
    membership = Membership.objects.get(user=view.actor.user, clinic_id=view.actor.clinic_id)
    fingerprint = _fingerprint(request, view.actor.role)
    row, first = IdempotencyKey.objects.get_or_create(
        membership=membership, key=key, defaults={"fingerprint": fingerprint}
    )
    if not first and _lapsed(row):
        # Of several requests that find it lapsed, one takes it over.
        now = timezone.now()
        lapsed = IdempotencyKey.objects.filter(pk=row.pk, created_at=row.created_at)
        if not lapsed.update(fingerprint=fingerprint, status=None, body=None, created_at=now):
            raise InProgress(_("Wait for the first answer, then ask again."))
        first = True
    if row.fingerprint != fingerprint and not first:
        raise KeyReused(_("Use a new key for a new request."))
    if row.status is None and not first:
        raise InProgress(_("Wait for the first answer, then ask again."))
    return row, first


def _lapsed(row: IdempotencyKey) -> bool:
    return row.created_at < timezone.now() - (LASTS if row.status else ABANDONED)


def _fingerprint(request: Request, role: str) -> str:
    data = request.data
    fields: Iterable[tuple[str, Any]]
    if isinstance(data, QueryDict):
        fields = sorted((name, [_value(v) for v in values]) for name, values in data.lists())
        data = list(fields)
    said = json.dumps([role, request.path, data], sort_keys=True)
    return salted_hmac(_SALT, said, algorithm="sha256").hexdigest()


def _value(value: Any) -> str:
    if not isinstance(value, UploadedFile):
        return f"text:{value}"
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return f"file:{value.name}:{digest.hexdigest()}"


def _keep(row: IdempotencyKey, response: HttpResponse) -> HttpResponse:
    content = json.dumps(getattr(response, "data", None), default=str, ensure_ascii=False)
    row.status = response.status_code
    row.body = cipher(_SALT).encrypt(content.encode()).decode()
    row.save(update_fields=["status", "body"])
    return response


def _replay(row: IdempotencyKey) -> HttpResponse:
    try:
        data = json.loads(cipher(_SALT).decrypt(str(row.body).encode()))
    except InvalidToken as error:
        raise Conflict(_("The first answer can no longer be read. Use a new key.")) from error
    status = row.status or 200
    return Response(
        data,
        status,
        headers={"Idempotency-Replayed": "true"},
        content_type=PROBLEM_JSON if status >= 400 else None,
    )
