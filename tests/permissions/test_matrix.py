"""Every address, every method, everybody: the answers are those of the expected table."""

from typing import Any

import pytest

from tests.permissions.addresses import addresses, methods_of
from tests.permissions.expected import EXCEPTIONS, ROWS
from tests.permissions.matrix import Matrix
from tests.permissions.shapes import A, D, Row, T

pytestmark = pytest.mark.django_db  # inside of the module's transaction
API = [each for each in ROWS if each.route.startswith("api/v1/") and "token" not in each.route]


def test_every_address_has_its_row_and_every_row_an_address() -> None:
    rows = [each.route for each in ROWS]
    assert len(rows) == len(set(rows)), "an address stands twice in the table"
    there = set(addresses())
    assert not there - set(rows) - set(EXCEPTIONS), "an address without a row in expected.py"
    assert not set(rows) - there, "a row in expected.py without an address"
    assert not set(EXCEPTIONS) - there, "an exception in expected.py without an address"


def test_every_action_of_the_api_is_named_in_its_row() -> None:
    views = addresses()
    unnamed = {
        row.route: methods_of(views[row.route]) - set(row.answers)
        for row in ROWS
        if row.route.startswith("api/v1/")
    }
    assert not {route: methods for route, methods in unnamed.items() if methods}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route or "(home)")
def test_everybody_is_answered_as_the_table_says(matrix: Matrix, row: Row, settings: Any) -> None:
    settings.VAULT_DIR = matrix.vault
    complaints = matrix.complaints(row)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("row", API, ids=lambda row: row.route)
def test_the_api_answers_a_session_as_it_answers_a_token(
    matrix: Matrix, row: Row, settings: Any
) -> None:
    settings.VAULT_DIR = matrix.vault
    for method in row.answers:
        expected = dict(zip((T, D, A), row.expected(method)[1:4], strict=True))
        assert matrix.by_session(row, method, expected) == expected
