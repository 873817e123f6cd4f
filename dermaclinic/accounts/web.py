"""The frame of a page's view: who is signed in, and one clinic's context around everything read.

Reading pages run and render inside the context. Writing goes through services, which open their
own: so a refusal's record is committed even though the page says no.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Forbidden

View = Callable[..., HttpResponse]


class MemberRequest(HttpRequest):
    """A request of a signed-in member."""

    actor: Actor


def member(view: View) -> View:
    """A view for signed-in members only; `request.actor` is there. Opens no context."""

    @login_required
    @wraps(view)
    def wrapped(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.actor:
            return render(request, "accounts/no_clinic.html", status=Forbidden.status)
        return view(request, *args, **kwargs)

    return wrapped


def reading(view: View) -> View:
    """A member's view that only reads: it runs, and renders, inside the clinic's context."""

    @member
    @wraps(view)
    def wrapped(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with clinic_context(request.actor.clinic_id):
            return view(request, *args, **kwargs)

    return wrapped
