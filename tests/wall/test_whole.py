"""The wall has no hole: what the database says of its own tables, functions and rights."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction

from dermaclinic.accounts import wall
from dermaclinic.accounts.tenancy import tenant_tables
from tests.database import acting_as

pytestmark = pytest.mark.django_db

# Tables that the web role may read outside of a clinic's context, and why it must.
OPEN_TO_WEB = {
    "accounts_apitoken": "hashes of tokens: a token says which clinic",
    "accounts_clinic": "names of clinics, to choose one",
    "accounts_userpreference": "somebody's keys and theme, the same in every clinic",
    "accounts_user": "who somebody is, before one knows where",
    "audit_sealedevent": "which event is sealed: numbers and hashes",
    "inference_modelchange": "which model answers, for all clinics",
    "inference_modelversion": "which models there are, for all clinics",
}
# Policies for all rows of all clinics, each on the commands that it names.
LETS_ALL_THROUGH = {
    ("accounts_idempotencykey", "clear"),  # the worker, of columns that tell nothing
    ("accounts_idempotencykey", "look"),
    ("accounts_membership", "sign_in"),  # who may enter which clinic, before one is in any
    ("audit_event", "seal"),
    ("inference_prediction", "queue"),
}
# Django's and its libraries' own, for signing in: none knows a clinic or a patient.
LIBRARIES = ("account_", "axes_", "django_", "mfa_", "socialaccount_", "usersessions_")
# Functions that run with their owner's rights, and who may call them.
DEFINERS = {
    "audit_events_of_patient": {"dermaclinic_web"},
    "audit_make_partitions": {"dermaclinic_sealer", "dermaclinic_worker"},
    "patients_merge_records": {"dermaclinic_web"},
    "patients_of_open_record": set(),  # a trigger's
    "patients_undo_merge": {"dermaclinic_web"},
    "reports_waiting_consent": set(),
    "reports_waiting_for_pdf": {"dermaclinic_worker"},
    "reports_waiting_opinion": set(),
    "reports_waiting_visit": set(),
}


def rows(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def test_the_check_finds_nothing() -> None:
    assert run_checks(tags=["database"], databases=["default"]) == []


def test_every_table_of_patient_data_is_behind_a_policy() -> None:
    tables = wall.patient_tables(connection)
    assert tenant_tables() <= set(tables)
    assert {"audit_event", "patients_patient", "reports_report"} <= set(tables)
    assert {name for name, safe in tables.items() if not safe} == set(wall.WITHOUT_POLICY)


@pytest.mark.parametrize(
    ("hole", "told"),
    [
        ("CREATE TABLE hole (clinic_id uuid)", "accounts.E001"),
        ("CREATE TABLE hole (patient_id uuid)", "accounts.E001"),
        (
            "CREATE TABLE hole (clinic_id uuid); ALTER TABLE hole ENABLE ROW LEVEL SECURITY",
            "accounts.E001",
        ),
        ("ALTER TABLE patients_patient DISABLE ROW LEVEL SECURITY", "accounts.E001"),
        ("DROP POLICY clinic ON patients_patient", "accounts.E001"),
        (
            "CREATE TABLE hole PARTITION OF audit_event FOR VALUES FROM ('2001-01-01') "
            "TO ('2001-02-01'); GRANT SELECT ON hole TO dermaclinic_web",
            "accounts.E002",
        ),
        (
            "CREATE TABLE hole PARTITION OF audit_event FOR VALUES FROM ('2001-01-01') "
            "TO ('2001-02-01'); GRANT SELECT (detail) ON hole TO PUBLIC",
            "accounts.E002",
        ),
        ("CREATE VIEW hole AS SELECT * FROM patients_patient", "accounts.E003"),
    ],
)
def test_the_check_finds_a_hole(hole: str, told: str) -> None:
    with transaction.atomic():
        with acting_as("owner"), connection.cursor() as cursor:
            cursor.execute(hole)
        assert {each.id for each in wall.check(databases=["default"])} == {told}
        transaction.set_rollback(True)


def test_a_fault_does_not_keep_the_migration_away_that_mends_it() -> None:
    with transaction.atomic():
        with acting_as("owner"), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE hole (clinic_id uuid)")
            assert wall.check(databases=["default"])
            cursor.execute(
                "DELETE FROM django_migrations WHERE app = 'workers' AND name LIKE '0001%'"
            )
            assert cursor.rowcount == 1
            assert wall.check(databases=["default"]) == []
        transaction.set_rollback(True)


def test_what_web_reads_outside_of_a_context_is_known() -> None:
    found = {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relrowsecurity "
            "AND has_any_column_privilege('dermaclinic_web', oid, 'SELECT')"
        )
    }
    ours = {name for name in found if not name.startswith(LIBRARIES)}
    assert ours - {"pg_stat_statements", "pg_stat_statements_info"} == set(OPEN_TO_WEB)


def test_nobody_who_serves_owns_anything_or_passes_by_the_policies() -> None:
    assert (
        rows(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication FROM pg_roles "
            "WHERE rolname IN ('dermaclinic_web', 'dermaclinic_worker', 'dermaclinic_sealer') "
            "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
        )
        == []
    )
    assert (
        rows(
            "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) IN "
            "('dermaclinic_web', 'dermaclinic_worker', 'dermaclinic_sealer')"
        )
        == []
    )
    assert (
        rows(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member::regrole::text IN "
            "('dermaclinic_web', 'dermaclinic_worker', 'dermaclinic_sealer')"
        )
        == []
    )


def test_functions_that_run_as_their_owner_are_few_and_closed() -> None:
    found = rows(
        "SELECT proname, proconfig, proacl IS NULL, "
        "ARRAY(SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END "
        "      FROM aclexplode(proacl) WHERE grantee <> proowner) "
        "FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace "
        "AND pg_get_userbyid(proowner) = 'dermaclinic_owner'"
    )
    assert {name: set(who) for name, _config, _open, who in found} == DEFINERS
    for _name, config, everybodys, _who in found:
        assert config == ["search_path=public, pg_temp"]
        assert not everybodys


def test_policies_that_let_everything_through_are_few() -> None:
    found = rows(
        "SELECT tablename, policyname, cmd FROM pg_policies "
        "WHERE permissive = 'PERMISSIVE' AND 'true' IN (qual, with_check) "
        "AND roles && ARRAY['public', 'dermaclinic_web', 'dermaclinic_worker', "
        "'dermaclinic_sealer']::name[]"
    )
    assert {(table, policy) for table, policy, _command in found} == LETS_ALL_THROUGH
