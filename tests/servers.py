"""A pytest plugin that starts the private PostgreSQL and Redis before Django reads its settings.

DATABASE_URL and REDIS_URL win when set; workers of pytest-xdist find them set by their parent.
"""

import os
from contextlib import ExitStack

from dermaclinic import embedded

_running = ExitStack()


def _start() -> None:
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    servers = _running.enter_context(embedded.temporary())
    os.environ.update(embedded.environment(servers, "web"))


_start()


def pytest_unconfigure() -> None:
    """The last hook of a run: nothing stays behind."""
    _running.close()
