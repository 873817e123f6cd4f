"""For monitors: is the process alive, can it serve, and how is it doing."""

import hmac
import ipaddress
import os
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from redis import Redis

from dermaclinic.errors import NotFound
from dermaclinic.settings import environment
from imaging.storage import vault


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of anybody else."""
    return HttpResponse("ok\n", content_type="text/plain")


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    timeout = settings.BELL_TIMEOUT_SECONDS
    with Redis.from_url(
        settings.REDIS_URL, socket_timeout=timeout, socket_connect_timeout=timeout
    ) as redis:
        redis.ping()


def _vault() -> None:
    vault()  # raises without keys
    directory = Path(settings.VAULT_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(directory, os.W_OK):
        raise PermissionError(directory)


# Without Redis pages, uploads and reports go on, and the sweep rings later: it is told, not fatal.
CHECKS: dict[str, tuple[Callable[[], None], bool]] = {
    "database": (_database, True),
    "vault": (_vault, True),
    "redis": (_redis, False),
}


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served, 503 when not; each part's state, without addresses."""
    state, fatal = {}, False
    for name, (check, needed) in CHECKS.items():
        try:
            check()
            state[name] = "ok"
        except Exception as error:  # noqa: BLE001 - whatever it is, the monitor gets an answer
            state[name] = type(error).__name__
            fatal = fatal or needed
    degraded = any(value != "ok" for value in state.values())
    status = "unavailable" if fatal else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "parts": state}, status=503 if fatal else 200)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's figures, for METRICS_TOKEN's bearer or, without one, for this machine alone."""
    token = environment.secret("METRICS_TOKEN")
    if token:
        given = request.headers.get("Authorization", "")
        allowed = hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    else:
        # A proxy on this machine makes everybody look local.
        allowed = _is_local(request) and "X-Forwarded-For" not in request.headers
    if not allowed:
        raise NotFound
    return ExportToDjangoView(request)


def _is_local(request: HttpRequest) -> bool:
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
