"""The watchdog: ends the process when a batch outlives half its lease.

Celery's solo pool enforces no time limits, and nothing in Python can interrupt a forward pass that
hangs. A process that is gone loses its lease; its supervisor starts it again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

log = logging.getLogger(__name__)

EX_SOFTWARE = 70  # sysexits.h


def batch_seconds() -> float:
    """How long a batch may run: half its lease, so that nobody else has taken it over by then."""
    return settings.INFERENCE_LEASE_SECONDS / 2


def _end() -> None:
    os._exit(EX_SOFTWARE)


class Watchdog:
    """One thread that waits for the current deadline; `end` is called when one passes."""

    def __init__(self, end: Callable[[], None] = _end) -> None:
        self._end = end
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """What is inside must be done within `seconds`."""
        self._set(time.monotonic() + seconds)
        try:
            yield
        finally:
            self._set(None)

    def _set(self, deadline: float | None) -> None:
        with self._changed:
            self._deadline = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while True:
                deadline = self._deadline
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    log.critical("A batch has outlived half its lease: this process ends.")
                    self._deadline = None
                    self._end()
                else:
                    self._changed.wait(left)
