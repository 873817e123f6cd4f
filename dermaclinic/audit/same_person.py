"""One person's data may have stood under several patients' ids: events keep the one of their time.

Events are never moved. Whoever asks what concerns a patient is told under which other ids to look;
the floor that merges records adds its rule when it starts (patients/apps.py).
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Period:
    """Another patient's id, and from when until when it counts (None: always)."""

    patient: uuid.UUID
    since: datetime | None = None
    until: datetime | None = None


# Each is called with a patient's id, inside the clinic's context.
rules: list[Callable[[uuid.UUID], list[Period]]] = []


def periods(patient: uuid.UUID) -> list[Period]:
    """Where else to look for what concerns this patient."""
    return [period for rule in rules for period in rule(patient)]
