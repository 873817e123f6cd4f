"""What these pages read from a request: ids that may be nonsense, and the way back."""

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from dermaclinic.accounts.web import MemberRequest


def as_uuid(text: str) -> uuid.UUID | None:
    """An id, or None for anything else."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def back(request: MemberRequest, *, otherwise: str) -> HttpResponse:
    """To the page that the form names in `next`, if it is one of ours."""
    target = request.POST.get("next", "")
    secure = request.is_secure()
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=secure)
    return redirect(target if safe else otherwise)
