"""Who acts in a request, where it comes from, and the id that its events share."""

import ipaddress
import uuid

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dermaclinic.accounts.actor import Actor


def actor_of(request: HttpRequest) -> Actor | None:
    """Who acts: None before sign-in, and while a second factor that the role needs is missing."""
    found: Actor | None = request.__dict__.get("actor")
    return found or None  # what stands there may be a lazy nobody


def let_act(request: HttpRequest, actor: Actor | SimpleLazyObject | None) -> None:
    """From now on `request.actor` is this one. An actor that is looked up late will do, too."""
    request.__dict__["actor"] = actor


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
