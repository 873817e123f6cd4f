"""Every address, for every method and role that it knows: whoever touches patient data is told of.

The addresses, and what is really sent to them, are those of the expected table of permissions,
which has a row for each address of the resolver (tests/permissions/test_matrix.py).
"""

from typing import Any

import pytest
from django.db import connection

from tests.audit.observing import observed
from tests.permissions.addresses import addresses
from tests.permissions.conftest import matrix as matrix
from tests.permissions.expected import EXCEPTIONS, ROWS
from tests.permissions.matrix import Matrix, rolled_back
from tests.permissions.shapes import A, D, Row, T

# Answers without an event, each with the reason: (address, method, status).
QUIET = {
    ("imaging/uploads/<uuid:upload_id>/", "HEAD", 200): (
        "a sender asks how many bytes of its own file are there, and is told nothing else"
    ),
    ("reports/visits/<uuid:study_id>/live/", "GET", 204): (
        "an open page asks whether anything is new; the answer is no and shows nothing"
    ),
    ("reports/<uuid:report_id>/pdf/status/", "GET", 200): (
        "an open report asks how far its PDF is; the answer says that and nothing else"
    ),
    ("reports/visits/<uuid:study_id>/release/", "POST", 302): (
        "nobody had taken the visit: nothing changed, and nothing is shown"
    ),
}


def test_every_address_is_walked() -> None:
    assert set(addresses()) - set(EXCEPTIONS) == {row.route for row in ROWS}
    assert not {route for route, _method, _status in QUIET} - set(addresses())


@pytest.mark.django_db
def test_a_touch_without_an_event_is_seen() -> None:
    with observed() as seen, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.clinic', '', true)")
        assert seen.silent == set()
        cursor.execute('SELECT 1 WHERE EXISTS (SELECT FROM "accounts_user")')
        assert seen.silent == set()
        cursor.execute("/* raw */ SELECT count(*) FROM patients_patient")
    assert seen.silent == {"patients_patient"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route or "(home)")
def test_an_address_tells_what_it_touched(matrix: Matrix, row: Row, settings: Any) -> None:
    settings.VAULT_DIR = matrix.vault
    silent: dict[tuple[str, str, int], set[str]] = {}
    for method in row.answers:
        for role in (T, D, A):
            with rolled_back(), observed() as seen:
                response, _said = matrix.ask(row, method, role)
            if seen.silent:
                answer = row.route, method, response.status_code
                silent.setdefault(answer, set()).update(seen.silent)
    assert {answer: silent[answer] for answer in silent.keys() - QUIET.keys()} == {}
    quiet = {answer for answer in QUIET if answer[0] == row.route}
    assert quiet <= silent.keys(), "an exception that is none any more"
