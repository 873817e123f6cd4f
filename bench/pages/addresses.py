"""Which pages are measured: whatever the permissions' table lets somebody read, by itself.

A page that is new is measured as soon as it has its row there, which every address needs.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from tests.permissions.expected import ROWS
from tests.permissions.shapes import CALLERS, A, D, Row, T

PART = re.compile(r"<(?:\w+:)?(\w+)>")
# What reads, though it is sent with POST: names never stand in an address.
SEARCHES = {"patients/", "patients/similar/", "imaging/images/<uuid:instance_id>/move/"}
API_SEARCHES = {"api/v1/patients/search/"}
# The same page, asked in more ways: what follows the address, for whom.
QUERIES: dict[str, tuple[str, ...]] = {
    "reports/": ("?which=unclaimed", "?which=mine"),
    "audit/": (
        "?patient={patient_id}",
        "?thumbnails=on",
        "?action=patient.viewed",
        "?action=report.signed",
        "?outcome=denied",
        "?since=2000-01-01&until=2100-01-01",
    ),
    "audit/unusual/": ("?since={year_ago}&until={today}",),
    "api/v1/worklist/": ("?which=unclaimed",),
    "api/v1/audit/events/": ("?patient={patient_id}",),
}
# Files that are made to be kept, and the alignment of two images: as long as they are, no pages.
DOWNLOADS = re.compile(r"^audit/export/|/accesses/pdf/$|<uuid:left>/<uuid:right>/$")


@dataclass(frozen=True)
class Ask:
    """A request to be measured many times. `path` has names of the scene between braces."""

    row: Row
    role: str
    method: str
    path: str

    @property
    def kind(self) -> str:
        """page, api, or download (which is told, and judged by nobody)."""
        if DOWNLOADS.search(self.row.route):
            return "download"
        return "api" if self.row.route.startswith("api/") else "page"

    def __str__(self) -> str:
        return f"{self.method} /{self.path} ({self.role})"


def asks() -> Iterator[Ask]:
    """Every page and every endpoint that reads, as each role that may read it."""
    for row in ROWS:
        path = PART.sub(lambda found: "{%s}" % found[1], row.route)  # noqa: UP031 - braces
        for role, method in itertools.product((T, D, A), ("GET", "POST")):
            if not _reads(row, method) or not 200 <= _status(row, method, role) < 300:
                continue
            yield Ask(row, role, method, path)
            if method == "GET":
                for query in QUERIES.get(row.route, ()):
                    yield Ask(row, role, method, path + query)


def _reads(row: Row, method: str) -> bool:
    if method == "GET":
        return "GET" in row.answers
    return row.route in SEARCHES | API_SEARCHES


def _status(row: Row, method: str, role: str) -> int:
    return int(row.expected(method)[CALLERS.index(role)])


def parts(ask: Ask) -> set[str]:
    """The names that the path has."""
    return set(re.findall(r"{(\w+)}", ask.path))


def sent(ask: Ask, names: Mapping[str, Any], number: int = 0) -> tuple[bytes, str]:
    """The body and its type. By its number a search asks for a name, part of one, a day, …"""
    if ask.method != "POST":
        return b"", "application/octet-stream"
    said = {"q": _WORDS[number % len(_WORDS)].format(**names)}
    if ask.row.route == "patients/similar/":
        said = {"family_name": names["name"], "birth_date": "1970-01-01"}
    if ask.kind == "api":
        return json.dumps(said).encode(), "application/json"
    return urlencode(said).encode(), "application/x-www-form-urlencoded"


def days() -> dict[str, str]:
    """What an address may name beside ids."""
    today = timezone.localdate()
    return {"today": today.isoformat(), "year_ago": (today - timedelta(days=365)).isoformat()}


_WORDS = ("{name}", "{mrn}", "bake", "1970-01-01", "{name} lo", "a", "nobody")
