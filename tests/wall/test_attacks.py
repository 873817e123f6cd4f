"""Attacks with SQL of one's own, as the roles that serve: what does the wall hold?

Each starts from a login as the role, outside of every context or inside another clinic's. It does
not hold against who chooses the context: see `test_who_writes_sql_as_web_chooses_the_clinic`.
"""

import io
import json
from typing import Any

import psycopg2
import pytest
from django.db import connection

from tests.database import acting_as
from tests.wall.conftest import TwoClinics
from tests.wall.roles import REFUSED, SERVED, connect, count, enter, session, tried

pytestmark = pytest.mark.django_db

# Who sees all clinics' rows, and must: a queue's claim, the seals.
SEES_ALL = {
    ("worker", "inference_prediction"),
    ("sealer", "audit_event"),
    ("sealer", "audit_seal"),
    ("web", "accounts_membership"),
}
NO_SUCH_ROW = "23503"  # foreign_key_violation
CANNOT_COPY_IN = "0A000"  # feature_not_supported: COPY FROM a table with row-level security


def as_owner(sql: str, *params: Any) -> list[Any]:
    with acting_as("owner"), connection.connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def columns(table: str) -> list[str]:
    """Those that a statement may name."""
    found = as_owner(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a'",
        table,
    )
    return [name for (name,) in found]


def of_ours(clinics: TwoClinics, table: str) -> int:
    """Rows of the attacked clinic."""
    sql = f"SELECT count(*) FROM {table} WHERE clinic_id = %s"
    return int(as_owner(sql, str(clinics.ours))[0][0])


@pytest.fixture
def tables(clinics: TwoClinics) -> list[str]:
    """Of patient data; that most hold rows makes these tests tests."""
    filled = [table for table in clinics.tables if of_ours(clinics, table)]
    assert len(filled) >= 12
    assert {"patients_patient", "imaging_instance", "reports_report", "audit_event"} <= set(filled)
    return clinics.tables


@pytest.mark.parametrize("role", SERVED)
def test_outside_of_a_context_there_is_nothing(
    clinics: TwoClinics, tables: list[str], role: str
) -> None:
    with session(role) as cursor:
        for table in tables:
            seen = count(cursor, f"SELECT count(*) FROM {table} WHERE clinic_id IS NOT NULL")
            assert not seen or (role, table) in SEES_ALL, table


@pytest.mark.parametrize("role", SERVED)
def test_in_another_clinics_context_there_is_nothing_of_ours(
    clinics: TwoClinics, tables: list[str], role: str
) -> None:
    with session(role, clinics.theirs.pk) as cursor:
        for table in tables:
            sql = f"SELECT count(*) FROM {table} WHERE clinic_id = %s"
            seen = count(cursor, sql, str(clinics.ours))
            assert not seen or (role, table) in SEES_ALL, table


@pytest.mark.parametrize("role", SERVED)
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "in another clinic"])
def test_nothing_of_ours_is_changed_or_removed(
    clinics: TwoClinics, tables: list[str], role: str, inside: bool
) -> None:
    with session(role, clinics.theirs.pk if inside else None) as cursor:
        for table in tables:
            for sql in (
                f"UPDATE {table} SET clinic_id = clinic_id WHERE clinic_id = %s",
                f"DELETE FROM {table} WHERE clinic_id = %s",
            ):
                ended = tried(cursor, sql, str(clinics.ours))
                assert ended == REFUSED or cursor.rowcount == 0, (ended, sql)


def test_the_workers_queue_shows_no_way_to_move_an_opinion(clinics: TwoClinics) -> None:
    """The one table that the worker changes across clinics: but not whose an opinion is."""
    with session("worker") as cursor:
        assert count(cursor, "SELECT count(*) FROM inference_prediction")
        for column in ("clinic_id", "instance_id", "model_version_id"):
            sql = f"UPDATE inference_prediction SET {column} = gen_random_uuid()"
            assert tried(cursor, sql) == REFUSED
        cursor.execute("SELECT count(*) FROM patients_patient")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("role", SERVED)
def test_no_row_is_put_into_our_clinic(clinics: TwoClinics, tables: list[str], role: str) -> None:
    """From another clinic's context, a copy of one of our own rows with an id of its own."""
    with session(role, clinics.theirs.pk) as cursor:
        for table in tables:
            if not of_ours(clinics, table):
                continue
            names = columns(table)
            sql = f"SELECT to_jsonb(t)::text FROM {table} t WHERE clinic_id = %s LIMIT 1"
            [(found,)] = as_owner(sql, str(clinics.ours))
            row = json.loads(found)
            listed = ", ".join(names)
            ended = tried(
                cursor,
                f"INSERT INTO {table} ({listed}) SELECT {listed} FROM "
                f"jsonb_populate_record(NULL::{table}, %s::jsonb || "
                "jsonb_build_object('id', to_jsonb(%s::text)))",
                psycopg2.extras.Json(row),
                "7" if isinstance(row["id"], int) else "7f000000-0000-4000-8000-000000000007",
            )
            assert ended == REFUSED, (table, ended)


@pytest.mark.parametrize("role", SERVED)
def test_nobody_who_serves_truncates(tables: list[str], role: str) -> None:
    with session(role) as cursor:
        for table in tables:
            assert tried(cursor, f"TRUNCATE {table} CASCADE") == REFUSED, table


@pytest.mark.parametrize("role", SERVED)
def test_copy_takes_nothing_out_and_puts_nothing_in(
    clinics: TwoClinics, tables: list[str], role: str
) -> None:
    with session(role, clinics.theirs.pk) as cursor:
        for table in tables:
            if (role, table) not in SEES_ALL:
                out = io.StringIO()
                sql = f"COPY (SELECT * FROM {table} WHERE clinic_id = '{clinics.ours}') TO STDOUT"
                cursor.execute("SAVEPOINT tried")
                try:
                    cursor.copy_expert(sql, out)
                except psycopg2.errors.InsufficientPrivilege:
                    cursor.execute("ROLLBACK TO SAVEPOINT tried")
                assert out.getvalue() == "", table
            if (role, table) == ("sealer", "audit_seal"):
                continue  # its own
            cursor.execute("SAVEPOINT tried")
            with pytest.raises(psycopg2.Error) as refused:
                cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(""))
            assert refused.value.pgcode in (REFUSED, CANNOT_COPY_IN), table
            cursor.execute("ROLLBACK TO SAVEPOINT tried")
        for sql in ("COPY patients_patient TO '/tmp/x'", "COPY patients_patient TO PROGRAM 'cat'"):
            assert tried(cursor, sql) == REFUSED


@pytest.mark.parametrize("role", SERVED)
def test_a_partition_is_reached_through_its_parent_alone(clinics: TwoClinics, role: str) -> None:
    parts = [
        name
        for (name,) in as_owner(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
        )
    ]
    assert any(as_owner(f"SELECT count(*) FROM {part}") != [(0,)] for part in parts)
    with session(role, clinics.ours) as cursor:
        for part in parts:
            for sql in (
                f"SELECT 1 FROM {part}",
                f"INSERT INTO {part} DEFAULT VALUES",
                f"UPDATE {part} SET role = ''",
                f"DELETE FROM {part}",
                f"TRUNCATE {part}",
                f"ALTER TABLE audit_event DETACH PARTITION {part}",
                f"DROP TABLE {part}",
            ):
                assert tried(cursor, sql) == REFUSED, sql


@pytest.mark.parametrize("role", SERVED)
def test_no_role_becomes_another(role: str) -> None:
    all_of_them = as_owner("SELECT rolname FROM pg_roles WHERE rolname LIKE 'dermaclinic%%'")
    others = {name for (name,) in all_of_them} - {f"dermaclinic_{role}"}
    assert len(others) >= len(SERVED)
    with session(role) as cursor:
        for other in others:
            assert tried(cursor, f"SET ROLE {other}") == REFUSED
            assert tried(cursor, f"SET SESSION AUTHORIZATION {other}") == REFUSED
            assert tried(cursor, f"GRANT {other} TO dermaclinic_{role}") == REFUSED
        for sql in (
            f"ALTER ROLE dermaclinic_{role} BYPASSRLS",
            "ALTER TABLE patients_patient DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE audit_event DISABLE TRIGGER USER",
            "CREATE POLICY all_of_it ON patients_patient USING (true)",
            "DROP POLICY clinic ON patients_patient",
            "SET session_replication_role = replica",
            "CREATE TABLE public.mine (x int)",
            "CREATE SCHEMA mine",
        ):
            assert tried(cursor, sql) == REFUSED, sql


def test_row_security_that_is_switched_off_is_an_error_and_no_way_in(clinics: TwoClinics) -> None:
    with session("web", clinics.theirs.pk) as cursor:
        cursor.execute("SET LOCAL row_security = off")
        assert tried(cursor, "SELECT * FROM patients_patient") == REFUSED


def test_who_writes_sql_as_web_chooses_the_clinic(clinics: TwoClinics) -> None:
    """What the wall cannot do: `app.clinic` is an ordinary setting.

    It holds against a forgotten filter, a wrong id, a row from elsewhere. Against somebody who runs
    statements of their own choice as `web` it holds one clinic at a time, and no longer than a
    transaction: they name the clinic. That no input becomes a statement is the first wall's task.
    """
    patients = "SELECT count(*) FROM patients_patient"
    with session("web", clinics.theirs.pk) as cursor:
        assert count(cursor, patients) == 1
        enter(cursor, clinics.ours)
        assert count(cursor, patients) == of_ours(clinics, "patients_patient")
        for nonsense in ("", "' OR true --", "*"):
            cursor.execute("SAVEPOINT tried")
            try:
                enter(cursor, nonsense)
                assert count(cursor, patients) == 0
            except psycopg2.errors.InvalidTextRepresentation:
                pass
            cursor.execute("ROLLBACK TO SAVEPOINT tried")


def test_a_context_ends_with_its_transaction_however_that_ends(clinics: TwoClinics) -> None:
    """A connection that is used again, after a commit, an error or a rollback, sees nothing."""
    made = connect("web")
    patients = "SELECT count(*) FROM patients_patient"
    try:
        for end in ("commit", "error", "rollback"):
            with made.cursor() as cursor:
                enter(cursor, clinics.ours)
                assert count(cursor, patients)
                if end == "error":
                    with pytest.raises(psycopg2.Error):
                        cursor.execute("SELECT 1 / 0")
            made.commit() if end == "commit" else made.rollback()
            with made.cursor() as cursor:
                assert count(cursor, patients) == 0, end
            made.rollback()
    finally:
        made.close()


def test_a_row_of_ours_is_no_more_there_than_one_that_is_not(clinics: TwoClinics) -> None:
    """A foreign key, which is checked past the policies, refuses both.

    The constraint that it names differs, and so does what a number that is taken says: a statement
    of one's own can thus learn that a patient's id, 122 random bits, exists. No service gets there.
    """
    for patient in (clinics.scene.patient_id, "7f000000-0000-4000-8000-000000000007"):
        with session("web", clinics.theirs.pk) as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            ended = tried(
                cursor,
                "INSERT INTO patients_lesion (id, clinic_id, patient_id, number, body_site, "
                "laterality, note, created_at) "
                "VALUES (gen_random_uuid(), %s, %s, 9999, 'back', '', '', now())",
                str(clinics.theirs.pk),
                str(patient),
            )
            assert ended == NO_SUCH_ROW
