"""Puts the actor on the request: which member, in which clinic, from where."""

import ipaddress
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import Membership


def address_of(request: HttpRequest) -> str:
    """Where the request comes from: the peer, or what TRUSTED_PROXIES say who passed it on.

    Each proxy adds its peer at the right of X-Forwarded-For, so the first one from the right that
    is no proxy of ours is the caller; what stands left of it, anybody may have written.
    """
    found = str(request.META.get("REMOTE_ADDR") or "")
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    while hops and _is_trusted(found):
        before = _address(hops.pop())
        if before is None:
            break
        found = str(before)
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_trusted(text: str) -> bool:
    address = _address(text)
    return address is not None and any(address in each for each in settings.TRUSTED_PROXIES)


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
