"""Connections as the database's real roles, past Django and its guard: an attacker's view."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from django.db import connection

from dermaclinic.settings import environment

REFUSED = "42501"  # insufficient_privilege: no right, or row-level security
SERVED = ("web", "worker", "sealer")


def connect(role: str) -> Any:
    """A login as a role to the tests' database, with nothing of Django in between."""
    found = environment.database(role)
    return psycopg2.connect(
        dbname=connection.settings_dict["NAME"],
        user=found["USER"],
        password=found["PASSWORD"],
        host=found["HOST"],
        port=found["PORT"],
    )


@contextmanager
def session(role: str, clinic: Any = None) -> Iterator[Any]:
    """A cursor in a transaction that is rolled back; in a clinic's context, if one is given."""
    made = connect(role)
    try:
        with made.cursor() as cursor:
            if clinic is not None:
                enter(cursor, clinic)
            yield cursor
    finally:
        made.rollback()
        made.close()


def enter(cursor: Any, clinic: Any) -> None:
    """What `clinic_context` does."""
    cursor.execute("SELECT set_config('app.clinic', %s, true)", [str(clinic)])


def tried(cursor: Any, sql: str, *params: Any) -> str:
    """The SQLSTATE that a statement ends with, "" when it succeeds; the transaction goes on."""
    cursor.execute("SAVEPOINT tried")
    try:
        cursor.execute(sql, params)
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT tried")
        return str(error.pgcode)
    return ""


def count(cursor: Any, sql: str, *params: Any) -> int | None:
    """The one number that a query gives; None where the role may not ask."""
    cursor.execute("SAVEPOINT tried")
    try:
        cursor.execute(sql, params)
    except psycopg2.errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO SAVEPOINT tried")
        return None
    return int(cursor.fetchone()[0])
