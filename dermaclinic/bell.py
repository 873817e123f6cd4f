"""Rings a worker's bell in Redis after the commit. A bell that cannot ring is logged, never raised.

The message says "there may be work" and nothing else. With Redis refused or hanging, the caller
loses at most a fraction of a second, and the sweep rings later.
"""

import logging
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from kombu import Connection

from dermaclinic.celery import app

log = logging.getLogger(__name__)

INFERENCE = "workers.inference.drain"
RENDER = "workers.default.render_reports"


@cache
def _connection() -> Connection:
    """A producer connection of its own: Celery's default one blocks for 20 s on a hung Redis."""
    timeout = settings.BELL_TIMEOUT_SECONDS
    return Connection(
        settings.CELERY_BROKER_URL,
        connect_timeout=timeout,
        transport_options={
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry_on_timeout": False,
            "max_retries": 0,
            "global_keyprefix": settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix", ""),
        },
    )


def ring(task: str) -> None:
    """Ring after the current transaction's commit (at once outside of one)."""
    transaction.on_commit(lambda: ring_now(task), robust=True)


def ring_now(task: str) -> bool:
    """Ring; False, and a line in the log, when Redis did not take it."""
    options: dict[str, Any] = {"retry": False, "ignore_result": True}
    try:
        app.send_task(task, connection=_connection(), **options)
    except Exception as error:  # whatever the transport raises, the caller's work is done
        log.warning("The bell %s did not ring (%s); the sweep will.", task, type(error).__name__)
        _connection().close()
        _connection.cache_clear()
        return False
    return True
