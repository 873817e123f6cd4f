"""What was measured, as one process tells another. Knows nothing of Django."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Time:
    """How long one page took: milliseconds, as half and as 95 of 100 requests were answered in.

    `work` is the median of the processors' time, ours and PostgreSQL's, which other programs on the
    machine do not lengthen; 0 where the system does not tell. `trouble` says why a page could not
    be measured.
    """

    name: str
    kind: str
    p50: float = 0
    p95: float = 0
    work: float = 0
    times: int = 0
    trouble: str = ""


def as_json(found: list[Time]) -> str:
    """What one process tells another."""
    return json.dumps([asdict(each) for each in found])


def from_json(text: str) -> list[Time]:
    """The other way."""
    return [Time(**each) for each in json.loads(text)]
