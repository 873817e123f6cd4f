"""More fields than a form has: nobody sets what is not theirs to set."""

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.database import acting_as
from tests.permissions import traces
from tests.permissions.expected import ROWS
from tests.permissions.matrix import Matrix, rolled_back
from tests.permissions.shapes import Row

pytestmark = pytest.mark.django_db  # inside of the scene's transaction
FORGED = str(uuid.UUID("f0f0f0f0-1111-4222-8333-444455556666"))
OWNERS = (
    "id", "pk", "clinic", "clinic_id", "user", "user_id", "membership_id", "created_by",
    "created_by_id", "signed_by", "signed_by_id", "signed_at", "rejected_by", "actor",
    "sha256", "content_sha256", "digest", "pdf_name", "image_name",
)  # fmt: skip
FLAGS = {
    "is_superuser": True, "is_staff": True, "is_active": False, "synthetic": True,
    "signed": True, "active": True, "number": 99, "status": "signed", "pdf_status": "ready",
    "agreement": "agreed", "resolution": "accepted",
}  # fmt: skip
MEMBERS = ("technician", "doctor", "administrator")
WRITING = ("POST", "PUT", "PATCH")
CASES = [(row, method) for row in ROWS for method in WRITING if row.answers.get(method)]


def ask(matrix: Matrix, row: Row, method: str, caller: str) -> Any:
    """The answer to what those who may would send, and more."""
    said = row.send(matrix.scene)
    added: dict[str, Any] = dict.fromkeys(OWNERS, FORGED) | FLAGS
    added = {name: value for name, value in added.items() if name not in said}
    api = row.route.startswith("api/")
    files = any(hasattr(value, "chunks") for value in said.values())
    if api and not files:
        body, kind = json.dumps(said | added, default=str).encode(), "application/json"
    else:
        body, kind = encode_multipart(BOUNDARY, said | added), MULTIPART_CONTENT
    client = matrix.callers[caller][api]
    return client.ask(method, matrix.path(row), body, kind, row.headers)


FLAGGED = {
    "a person became more than one": (
        "accounts_user",
        "coalesce((to_jsonb(t)->>'is_superuser')::boolean, false)",
    ),
    "the clinic calls itself synthetic": ("accounts_clinic", "synthetic"),
    "a number was chosen": ("reports_report", "to_jsonb(t)->>'number' = '99'"),
}


def traces_of_it() -> list[str]:
    """Tables in which the forged id stands anywhere, and what the flags would have changed."""
    asked = {
        f"the forged id stands in {name}": (name, "t::text LIKE %s") for name in traces.tables()
    }
    queries = [
        f"SELECT '{what}' WHERE EXISTS (SELECT FROM {table} t WHERE {condition})"
        for what, (table, condition) in (asked | FLAGGED).items()
    ]
    with acting_as("owner"), connection.connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(queries), [f"%{FORGED}%"] * len(asked))
        return [what for (what,) in cursor.fetchall()]


@pytest.mark.parametrize("caller", MEMBERS)
def test_no_row_takes_what_was_added(matrix: Matrix, caller: str) -> None:
    complaints = []
    for row, method in CASES:
        where = f"{method} {row.route}"
        with rolled_back():
            response = ask(matrix, row, method, caller)
            if response.status_code >= 500:
                complaints.append(f"{where}: {response.status_code}")
            if response.status_code >= 400:  # tests/permissions/ shows that these leave nothing
                continue
            if row.route.startswith("api/v1/"):
                complaints.append(f"{where}: took fields that it does not have")
            complaints += [f"{where}: {each}" for each in traces_of_it()]
    assert not complaints, "\n".join(complaints[:20])


def test_a_trace_would_be_seen(matrix: Matrix) -> None:
    with rolled_back():
        with acting_as("owner"), connection.connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_user SET full_name = %s", [FORGED])
            cursor.execute("UPDATE accounts_clinic SET synthetic = true")
        assert traces_of_it() == [
            "the forged id stands in accounts_user",
            "the clinic calls itself synthetic",
        ]


def test_there_are_enough_cases() -> None:
    assert len(CASES) > 50
