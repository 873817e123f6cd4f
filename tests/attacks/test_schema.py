"""The API by its own document: whatever fits it, or just does not, is answered as it says.

Requests are drawn by schemathesis, sent in each role's name, half of them to ids that exist, and
rolled back. Members of another clinic send the same, with this clinic's ids.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.permissions.matrix import SECRETS, Matrix, rolled_back

pytestmark = pytest.mark.django_db  # inside of the scene's transaction
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLES = ("technician", "doctor", "administrator", "nobody")
STRANGERS = ("technician elsewhere", "doctor elsewhere", "administrator elsewhere")
BASE = "http://testserver"


@dataclass
class Caller:
    """Somebody who calls operations of the document."""

    matrix: Matrix
    name: str
    seen: Counter[int]

    def send(self, case: Any) -> Any:
        """The answer as schemathesis reads it, and the request."""
        prepared = requests.Request(**_known(case.as_transport_kwargs(base_url=BASE))).prepare()
        body = prepared.body or b""
        given = {
            name: str(value)
            for name, value in prepared.headers.items()
            if name.lower() in ("idempotency-key", "accept")
        }
        client = self.matrix.callers[self.name][1]
        with rolled_back():
            answer = client.ask(
                prepared.method or "GET",
                prepared.path_url,
                body.encode() if isinstance(body, str) else body,
                prepared.headers.get("Content-Type", ""),
                given,
            )
        self.seen[answer.status_code] += 1
        return _as_schemathesis(answer, prepared), prepared


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "headers", "files", "data", "json", "params", "cookies")
    return {name: given[name] for name in names if name in given}


def _as_schemathesis(answer: Any, prepared: requests.PreparedRequest) -> schemathesis.Response:
    return schemathesis.Response(
        status_code=answer.status_code,
        headers={name: [value] for name, value in answer.headers.items()},
        content=b"".join(answer) if answer.streaming else answer.content,
        request=prepared,
        elapsed=0.0,
        verify=False,
        message=answer.reason_phrase,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def operations(matrix: Matrix) -> list[Any]:
    document = Client().get("/api/schema/", headers={"Accept": "application/json"}).json()
    schema = schemathesis.openapi.from_dict(document)
    found = [each.ok() for each in schema.get_all_operations()]
    assert len(found) > 40
    return found


def run(matrix: Matrix, operations: list[Any], caller: str, examples: int) -> Counter[int]:
    """So many requests to each operation; AssertionError with the request that broke a promise."""
    who = Caller(matrix, caller, Counter())
    for operation in operations:
        try_out(who, operation, examples)
    return who.seen


def try_out(who: Caller, operation: Any, examples: int) -> None:
    """One operation: it keeps to the document, and tells those elsewhere nothing from here."""
    scene = who.matrix.scene
    secrets = () if who.name in scene.people else {str(getattr(scene, name)) for name in SECRETS}

    @seed(4)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def try_one(case: Any, real: bool) -> None:
        for name in list(case.path_parameters or {}):
            if real and hasattr(scene, name):
                case.path_parameters[name] = str(getattr(scene, name))
        answer, sent = who.send(case)
        case.validate_response(answer, checks=CHECKS)
        told = answer.content.decode("latin-1") + str(answer.headers)
        said = f"{sent.url} {sent.body!r}"
        leaked = [each for each in secrets if each in told and each not in said]
        assert not leaked, f"{operation.label} told {who.name} {leaked}"

    try_one()


@pytest.mark.parametrize("caller", [*ROLES, STRANGERS[1]])
def test_the_api_keeps_to_its_document(matrix: Matrix, operations: list[Any], caller: str) -> None:
    seen = run(matrix, operations, caller, examples=3)
    assert not [status for status in seen if status >= 500]
    assert sum(seen.values()) >= len(operations)


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("caller", [*ROLES, *STRANGERS])
def test_the_api_keeps_to_its_document_at_length(
    matrix: Matrix, operations: list[Any], caller: str
) -> None:
    seen = run(matrix, operations, caller, examples=25)
    print(f"\n{caller}: {dict(sorted(seen.items()))}")
    assert not [status for status in seen if status >= 500]
