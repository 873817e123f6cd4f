"""Rings a worker's bell in Redis after the commit. A bell that cannot ring is logged, never raised.

The message says "there may be work" and nothing else. With Redis refused or hanging, the caller
loses at most a fraction of a second, and the sweep rings later.
"""

import logging
import threading

from django.conf import settings
from django.db import transaction
from kombu import Connection

from dermaclinic.celery import app

log = logging.getLogger(__name__)

INFERENCE = "workers.inference.drain"
RENDER = "workers.default.render_reports"

_own = threading.local()


def ring(task: str) -> None:
    """Ring after the current transaction's commit (at once outside of one)."""
    transaction.on_commit(lambda: ring_now(task), robust=True)


def ring_now(task: str) -> bool:
    """Ring; False, and a line in the log, when Redis did not take it."""
    try:
        app.send_task(task, connection=_connection(), retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - whatever Redis does, the caller's work is done
        log.warning("The bell %s did not ring (%s); the sweep will.", task, type(error).__name__)
        hang_up()
        return False
    return True


def _connection() -> Connection:
    """This thread's producer connection: Celery's default blocks for 20 s on a hung Redis."""
    connection: Connection | None = getattr(_own, "connection", None)
    if connection is None:
        timeout = settings.BELL_TIMEOUT_SECONDS
        connection = _own.connection = Connection(
            settings.CELERY_BROKER_URL,
            connect_timeout=timeout,
            transport_options={
                **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
                "retry_on_timeout": False,
                "max_retries": 0,
            },
        )
    return connection


def hang_up() -> None:
    """Drop this thread's connection, without a word to a server that may not listen."""
    connection = getattr(_own, "connection", None)
    _own.connection = None
    if connection is not None:
        connection.collect(socket_timeout=settings.BELL_TIMEOUT_SECONDS)
