"""Puts the actor on the request: which member, in which clinic, from where."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import Membership


def address_of(request: HttpRequest) -> str:
    """The peer's address; behind a proxy gunicorn's `forwarded_allow_ips` decides whom to trust."""
    return str(request.META.get("REMOTE_ADDR") or "")


def request_id_of(request: HttpRequest) -> str:
    """One id for all events of a request."""
    found: str = request.__dict__.setdefault("request_id", uuid.uuid4().hex)
    return found


def find_actor(request: HttpRequest) -> Actor | None:
    """The signed-in member in the clinic chosen at sign-in; None for everybody else."""
    user = request.user
    if not user.is_authenticated:
        return None
    memberships = Membership.objects.select_related("user", "clinic").filter(
        user=user, is_active=True
    )
    chosen = request.session.get("clinic")
    found = memberships.filter(clinic_id=chosen).first() if chosen else memberships.first()
    if found is None:
        return None
    return member_actor(found, address=address_of(request), request_id=request_id_of(request))


class ActorMiddleware:
    """`request.actor`, looked up when first used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: find_actor(request))  # type: ignore[attr-defined]  # ours to add
        return self.get_response(request)
