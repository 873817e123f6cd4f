"""How often somebody may come: fixed windows, counted in Redis through Django's cache.

When Redis does not answer within a fraction of a second, each process counts in its own memory for
a while. So a limit is never dropped and no request waits twice; until Redis is back, somebody may
come as many times more as there are processes. What counts guesses at passwords does not stand on
Redis at all (dermaclinic/accounts/lockout.py).
"""

import ipaddress
import logging
import math
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import BaseCache, caches
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

SHARED, OWN = "counts", "default"
PAUSE_SECONDS = 10.0

logger = logging.getLogger(__name__)
_away_until = 0.0
_lock = threading.Lock()


@dataclass(frozen=True)
class Verdict:
    """``retry_after`` is in seconds; 0 where the request may go on."""

    retry_after: int

    @property
    def is_over(self) -> bool:
        return self.retry_after > 0


def hit(kind: str, who: str) -> Verdict:
    """Count one request of `who` against RATE_LIMITS[kind]: so many in so many seconds."""
    most, seconds = settings.RATE_LIMITS[kind]
    now = time.time()
    window = int(now // seconds)
    name = salted_hmac("dermaclinic.edge.rates", f"{kind} {who}").hexdigest()
    if _count(f"{name}:{window}", seconds) <= most:
        return Verdict(0)
    return Verdict(max(1, math.ceil((window + 1) * seconds - now)))


def whole_line(address: str) -> str:
    """An address as it is counted: of IPv6 the /64 that one household or server is given."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def _count(name: str, seconds: int) -> int:
    global _away_until
    if time.monotonic() >= _away_until:
        try:
            return _counted(caches[SHARED], name, seconds)
        except (RedisError, OSError) as error:
            with _lock:
                _away_until = time.monotonic() + PAUSE_SECONDS
            logger.warning(
                "Redis does not count requests (%s): this process does", type(error).__name__
            )
    return _counted(caches[OWN], name, seconds)


def _counted(cache: BaseCache, name: str, seconds: int) -> int:
    if cache.add(name, 1, timeout=2 * seconds):
        return 1
    try:
        return cache.incr(name)
    except ValueError:  # it ran out in between
        cache.set(name, 1, timeout=2 * seconds)
        return 1
