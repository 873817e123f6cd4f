"""Watches the statements of a request or a call: which patient data were touched, what was told.

Sees what goes through Django's cursors, on every connection of this thread.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connections

from dermaclinic.accounts.tenancy import tenant_tables

# Of a clinic, as its other tables, but of no patient.
NO_PATIENTS = {"accounts_clinicsettings", "accounts_invitation", "reports_phrase"}
WRITES_EVENT = re.compile(r'\s*INSERT INTO "?audit_event"?\b')


@dataclass
class Seen:
    """The tables with patient data that statements named, and how many wrote events."""

    touched: set[str] = field(default_factory=set)
    events: int = 0

    @property
    def silent(self) -> set[str]:
        """What was touched although no event says so."""
        return set() if self.events else self.touched


@contextmanager
def observed() -> Iterator[Seen]:
    """Watch every statement inside the block."""
    seen = Seen()
    names = re.compile(rf"\b({'|'.join(sorted(tenant_tables() - NO_PATIENTS))})\b")

    def watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)
        if WRITES_EVENT.match(text):
            seen.events += 1
        else:
            seen.touched.update(names.findall(text))
        return execute(sql, params, many, context)

    # The denials' connection, too, which is not among the settings' own in the matrix.
    watched = {
        *connections.all(initialized_only=True),
        connections[settings.AUDIT_DENIALS_DATABASE],
    }
    with ExitStack() as stack:
        for connection in watched:
            stack.enter_context(connection.execute_wrapper(watch))
        yield seen
