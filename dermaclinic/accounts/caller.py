"""Where a request comes from, and the id that its events share."""

import ipaddress
import uuid

from django.conf import settings
from django.http import HttpRequest


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
