"""The frame of a page's view: who is signed in, and one clinic's context around everything read.

Reading pages run and render inside the context. Writing goes through services, which open their
own: so a refusal's record is committed even though the page says no.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from dermaclinic.accounts import second_factor
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.middleware import find_membership
from dermaclinic.accounts.models import User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Forbidden

View = Callable[..., HttpResponse]
OWN = "own"  # in a question's address: an identity provider's word would not do


class MemberRequest(HttpRequest):
    """A request of a signed-in member."""

    actor: Actor


class PersonRequest(HttpRequest):
    """A request of somebody signed in, who may not act in a clinic yet."""

    user: User


def member(view: View) -> View:
    """A view for signed-in members only; `request.actor` is there. Opens no context."""

    @login_required
    @wraps(view)
    def wrapped(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.actor:
            if needs_factor(request):
                return _go(request, reverse("second-factors"))
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


def needs_factor(request: HttpRequest) -> bool:
    """Whether a member's session stands still only because a second factor has not been shown."""
    found = find_membership(request)
    return found is not None and second_factor.is_missing(request, found)


def is_fresh(request: HttpRequest) -> bool:
    """Whether somebody proved who they are within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    proofs = _proofs(request)
    return bool(proofs) and _is_young(proofs[-1])


def is_own(request: HttpRequest) -> bool:
    """Whether this session has seen the account's own password, or a factor of its own.

    What an identity provider says is worth its one clinic, never the account.
    """
    return any(_is_of_account(each) for each in _proofs(request))


def is_fresh_own(request: HttpRequest) -> bool:
    """As `is_fresh`, by the account's own means: a factor if it has one, else the password."""
    user = request.user
    if not isinstance(user, User):
        return False
    found = [each for each in _proofs(request) if _is_of_account(each) and _is_young(each)]
    if second_factor.has_any(user.pk):
        return any(each["method"] == "mfa" for each in found)
    return bool(found)


def _proofs(request: HttpRequest) -> list[dict[str, Any]]:
    user = request.user
    return get_authentication_records(request, user) if user.is_authenticated else []


def _is_of_account(proof: dict[str, Any]) -> bool:
    return proof["method"] in ("password", "mfa") and proof.get("type") != "provider"


def _is_young(proof: dict[str, Any]) -> bool:
    return time.time() - float(proof["at"]) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def reauthenticated(view: View) -> View:
    """A view for which the person has proved anew who they are; else they are asked, and come back.

    Put it below `member` or `login_required`. What a form held is not kept: one presses again.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if is_fresh(request) else _ask(request)

    return wrapped


def account_holder(view: View) -> View:
    """As `reauthenticated`, for what changes the account itself, which belongs to no clinic."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh_own(request):
            return view(request, *args, **kwargs)
        return _ask(request, **{OWN: "1"})

    return wrapped


def _ask(request: HttpRequest, **more: str) -> HttpResponse:
    came_from = request.get_full_path()
    if request.method not in ("GET", "HEAD"):
        came_from = _page_behind(request)
        messages.info(request, _("Nothing has been changed yet. Please do it once more."))
    return _go(request, f"{reverse('confirm')}?{urlencode({'next': came_from, **more})}")


def _page_behind(request: HttpRequest) -> str:
    """The page of ours on which a form stood; the start page when nobody knows."""
    said = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    parts = urlsplit(said)
    return parts.path if parts.netloc == request.get_host() else reverse("home")


def _go(request: HttpRequest, address: str) -> HttpResponse:
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(address)
    return redirect(address)
