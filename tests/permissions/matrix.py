"""Asks an address in everybody's name, and holds the answers against the table.

What is refused is asked first, all of it, and must have left nothing; what is allowed then runs
each in a savepoint of its own, which is rolled back.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connections, transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.permissions import traces
from tests.permissions.callers import Caller
from tests.permissions.scene import Scene
from tests.permissions.shapes import CALLERS, METHODS, A, Away, D, Row, T

DOOR = "/sign-in/?next="
PART = re.compile(r"<(?:\w+:)?(\w+)>")
MEMBERS = (T, D, A, *(f"{role} elsewhere" for role in (T, D, A)))
SECRETS = ("mrn", "patient_id", "study_id", "lesion_id", "prediction_id", "signed")


@dataclass(frozen=True)
class Call:
    """A request of one caller, and the status that the table names."""

    method: str
    caller: str
    status: int

    def __str__(self) -> str:
        return f"{self.method} by {self.caller}"

    @property
    def refuses(self) -> bool:
        """Is the answer one that must leave nothing?"""
        return self.status >= 400 or isinstance(self.status, Away)


class Matrix:
    """`callers` by column: one for pages, one for the API."""

    def __init__(
        self, scene: Scene, callers: Mapping[str, tuple[Caller, Caller]], vault: Path
    ) -> None:
        self.scene = scene
        self.callers = callers
        self.vault = vault
        self._secrets = {str(getattr(scene, name)) for name in SECRETS}
        # Every request's savepoint is rolled back: the rows are these before each of them.
        self._rows = traces.rows()

    def complaints(self, row: Row) -> list[str]:
        """Everything about an address that is not as the table says; empty when all is well."""
        calls = [
            Call(method, caller, status)
            for method in METHODS
            for caller, status in zip(CALLERS, row.expected(method), strict=True)
        ]
        found = list(self._all_refused(row, [call for call in calls if call.refuses]))
        for call in calls:
            if not call.refuses:
                with rolled_back():
                    found += self._answer(row, call)
        return found

    def _all_refused(self, row: Row, refused: list[Call]) -> Iterator[str]:
        files = traces.files(self.vault)
        with rolled_back():
            for call in refused:
                recorded = call.status in (403, 404) and call.caller in MEMBERS and not row.silent
                before = self._denials(call) if recorded else 0
                yield from self._answer(row, call)
                if recorded and self._denials(call) == before:
                    yield f"{call}: the refusal is on nobody's record"
            changed = traces.difference(self._rows, traces.rows())
        if changed:
            yield f"refused requests changed {changed}"
            yield from (f"{call} changed {what}" for call, what in self._culprits(row, refused))
        if traces.files(self.vault) != files:
            yield "refused requests changed the vault"

    def _culprits(self, row: Row, refused: list[Call]) -> Iterator[tuple[Call, list[str]]]:
        for call in refused:
            with rolled_back():
                self._answer(row, call)
                changed = traces.difference(self._rows, traces.rows())
            if changed:
                yield call, changed

    def _denials(self, call: Call) -> int:
        """How many there are in the caller's clinic, on the connection that keeps them."""
        clinic = str(self.callers[call.caller][0].clinic)
        with connections["denials"].connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('app.clinic', %s, true);"
                "SELECT count(*) FROM audit_event WHERE outcome = 'denied'",
                [clinic],
            )
            return int(cursor.fetchone()[0])

    def _answer(self, row: Row, call: Call) -> list[str]:
        response, said = self.ask(row, call.method, call.caller)
        if response.status_code != call.status:
            return [f"{call}: {response.status_code}, and not {call.status}"]
        if isinstance(call.status, Away) and not response["Location"].startswith(DOOR):
            return [f"{call} is sent to {response['Location']}, and not to the door"]
        streams = getattr(response, "streaming", False)
        told = b"".join(response.streaming_content) if streams else response.content
        if call.caller in (T, D, A):
            return []
        content = told.decode("latin-1") + str(response.headers)
        leaked = [each for each in self._secrets if each in content and each not in said]
        return [f"{call} is told {each} of another clinic" for each in leaked]

    def ask(
        self, row: Row, method: str, caller: str, *, api: bool | None = None
    ) -> tuple[Any, str]:
        """The answer to one caller, and what was said in the request.

        `api` chooses how the caller comes: with a token, or with a session.
        """
        by_token = row.route.startswith("api/") if api is None else api
        path = self.path(row)
        body, content_type = b"", ""
        if method not in ("GET", "HEAD", "OPTIONS"):
            body, content_type = self._body(row)
        client = self.callers[caller][by_token]
        response = client.ask(method, path, body, content_type, row.headers)
        return response, path + body.decode("latin-1")

    def by_session(self, row: Row, method: str, roles: Iterable[str]) -> dict[str, int]:
        """The status by role when members come to the API with their sessions."""
        found = {}
        for role in roles:
            with rolled_back():
                found[role] = self.ask(row, method, role, api=False)[0].status_code
        return found

    def path(self, row: Row) -> str:
        """The address with the scene's ids in it."""
        names = row.at
        return "/" + PART.sub(
            lambda part: str(getattr(self.scene, names.get(part[1], part[1]))), row.route
        )

    def _body(self, row: Row) -> tuple[bytes, str]:
        if row.raw is not None:
            return row.raw(self.scene)
        said = row.send(self.scene)
        api = row.route.startswith("api/")
        if any(isinstance(value, UploadedFile) for value in said.values()) or not api:
            return encode_multipart(BOUNDARY, said), MULTIPART_CONTENT
        return json.dumps(said, default=str).encode(), "application/json"


@contextmanager
def rolled_back() -> Iterator[None]:
    """A savepoint of which nothing stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
