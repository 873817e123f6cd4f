"""Roundabout ways: functions with their owner's rights, objects of one's own, the catalogue."""

from typing import Any

import pytest

from dermaclinic.accounts.models import Membership
from tests.wall.conftest import TwoClinics
from tests.wall.roles import REFUSED, connect, count, session, tried
from tests.wall.test_attacks import as_owner, of_ours

pytestmark = pytest.mark.django_db
PATIENTS = "SELECT count(*) FROM patients_patient"


def test_the_queue_of_pdfs_tells_ids_and_only_to_the_worker(clinics: TwoClinics) -> None:
    waiting = "SELECT * FROM reports_waiting_for_pdf(100)"
    for role in ("web", "sealer"):
        with session(role, clinics.ours) as cursor:
            assert tried(cursor, waiting) == REFUSED
    with session("worker") as cursor:
        cursor.execute(waiting)
        assert [column.name for column in cursor.description] == ["report_id", "clinic_id"]


def test_a_patients_events_are_told_in_their_own_clinic_alone(clinics: TwoClinics) -> None:
    events = "SELECT count(*) FROM audit_events_of_patient(%s)"
    patient = str(clinics.scene.patient_id)
    for clinic in (None, clinics.theirs.pk):
        with session("web", clinic) as cursor:
            assert count(cursor, events, patient) == 0
    with session("web", clinics.ours) as cursor:
        assert count(cursor, events, patient)
    with session("worker", clinics.ours) as cursor:
        assert tried(cursor, "SELECT * FROM audit_events_of_patient(gen_random_uuid())") == REFUSED


def test_no_table_of_ones_own_stands_in_for_ours_in_such_a_function(clinics: TwoClinics) -> None:
    """A temporary table comes first in everybody's search path, but not in the function's."""
    with session("worker") as cursor:
        cursor.execute("SELECT count(*) FROM reports_waiting_for_pdf(100)")
        before = cursor.fetchone()
        cursor.execute(
            "CREATE TEMP TABLE reports_report (id uuid, clinic_id uuid, pdf_status text, "
            "pdf_lease_expires_at timestamptz, signed_at timestamptz)"
        )
        cursor.execute(
            "INSERT INTO pg_temp.reports_report SELECT gen_random_uuid(), gen_random_uuid(), "
            "'pending', NULL, now() FROM generate_series(1, 9)"
        )
        cursor.execute("SET LOCAL search_path = pg_temp, public")
        cursor.execute("SELECT count(*) FROM public.reports_waiting_for_pdf(100)")
        assert cursor.fetchone() == before


@pytest.mark.parametrize("role", ["web", "sealer"])
def test_only_workers_make_months_for_the_audit(role: str) -> None:
    with session(role) as cursor:
        ended = tried(cursor, "SELECT * FROM audit_make_partitions(1)")
        assert ended == (REFUSED if role == "web" else "")


def test_a_function_of_ones_own_is_shown_no_row_that_the_policy_hides(clinics: TwoClinics) -> None:
    """The planner may not run a cheap function of the attacker's before the policy's condition."""
    with session("web", clinics.theirs.pk) as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql "
            "COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$"
        )
        cursor.execute("SET LOCAL client_min_messages = notice")
        cursor.execute("SELECT count(*) FROM patients_patient WHERE pg_temp.tell(mrn)")
        told = [line for line in cursor.connection.notices if "told" in line]
        assert len(told) == 1  # the one patient that is theirs
        assert not any(clinics.scene.mrn in line for line in told)
        sworn = "CREATE FUNCTION pg_temp.f() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1'"
        assert tried(cursor, sworn) == REFUSED


def test_a_cursor_that_is_left_open_ends_with_its_context(clinics: TwoClinics) -> None:
    with session("web", clinics.ours) as cursor:
        cursor.execute("DECLARE mine CURSOR FOR SELECT mrn FROM patients_patient")
        cursor.execute("FETCH 1 FROM mine")
        assert cursor.fetchone()
        cursor.connection.commit()
        cursor.execute("SELECT count(*) FROM pg_cursors WHERE name = 'mine'")
        assert cursor.fetchone() == (0,)


def test_a_cursor_that_outlives_its_transaction_keeps_what_it_was_given(
    clinics: TwoClinics,
) -> None:
    """WITH HOLD copies the rows at commit, past the context's end: the code makes none.

    Django asks for one only outside of transactions, where there is no context and no row.
    """
    with session("web") as cursor:
        cursor.execute("DECLARE held CURSOR WITH HOLD FOR SELECT mrn FROM patients_patient")
        cursor.connection.commit()
        cursor.execute("FETCH ALL FROM held")
        assert cursor.fetchall() == []
        cursor.execute("CLOSE held")
    with session("web", clinics.ours) as cursor:
        cursor.execute("DECLARE held CURSOR WITH HOLD FOR SELECT mrn FROM patients_patient")
        cursor.connection.commit()
        cursor.execute("FETCH ALL FROM held")
        assert len(cursor.fetchall()) == of_ours(clinics, "patients_patient")
        cursor.execute("DISCARD ALL") if cursor.connection.autocommit else cursor.execute(
            "CLOSE held"
        )


def test_what_the_catalogue_tells(clinics: TwoClinics) -> None:
    """Statistics hold values of rows: PostgreSQL hides them where a policy holds.

    What it does tell everybody: the names of tables and columns, and about how many rows of all
    clinics together there are (`pg_class.reltuples`).
    """
    as_owner("ANALYZE patients_patient; SELECT 1")
    assert as_owner("SELECT count(*) FROM pg_stats WHERE tablename = 'patients_patient'") != [(0,)]
    with session("web", clinics.theirs.pk) as cursor:
        hidden = "SELECT count(*) FROM pg_stats WHERE tablename = ANY(%s)"
        assert count(cursor, hidden, clinics.tables) == 0
        assert tried(cursor, "SELECT * FROM pg_statistic") == REFUSED
        assert tried(cursor, "SELECT * FROM pg_authid") == REFUSED
        assert tried(cursor, "SELECT pg_read_file('/etc/passwd')") == REFUSED
        assert tried(cursor, "SELECT pg_ls_dir('.')") == REFUSED
        assert tried(cursor, "SELECT lo_import('/etc/passwd')") == REFUSED
        rows = count(cursor, "SELECT reltuples FROM pg_class WHERE relname = 'patients_patient'")
        assert rows is not None and rows > count(cursor, PATIENTS)


def test_one_role_does_not_read_what_another_asks(clinics: TwoClinics) -> None:
    """Statements hold values. Those of the same role are seen: web's processes see each other's."""
    asking = connect("worker")
    try:
        with asking.cursor() as cursor:
            cursor.execute("SELECT 'a secret of the worker'")
            pid = asking.info.backend_pid
        with session("web") as cursor:
            cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid])
            assert cursor.fetchone() == ("<insufficient privilege>",)
    finally:
        asking.close()


def test_first_answers_are_read_in_their_own_clinic_alone(clinics: TwoClinics) -> None:
    member = Membership.objects.get(user=clinics.scene.doctor.user)
    put: Any = (
        "INSERT INTO accounts_idempotencykey (membership_id, key, fingerprint, created_at) "
        "VALUES (%s, 'k', 'f', now())"
    )
    read = "SELECT count(*) FROM accounts_idempotencykey"
    with session("web", clinics.ours) as cursor:
        cursor.execute(put, [str(member.pk)])
        assert count(cursor, read) == 1
        for elsewhere in (clinics.theirs.pk, ""):
            cursor.execute("SELECT set_config('app.clinic', %s, true)", [str(elsewhere)])
            assert count(cursor, read) == 0
            assert tried(cursor, put.replace("'k'", "'k2'"), str(member.pk)) == REFUSED
    with session("worker") as cursor:
        assert tried(cursor, "SELECT body FROM accounts_idempotencykey") == REFUSED
        assert tried(cursor, "UPDATE accounts_idempotencykey SET key = ''") == REFUSED
