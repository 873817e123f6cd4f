"""Is the second wall whole? What the database itself says of its tables, for a check and a test.

A table of patient data is one whose model is a `TenantModel`, or that has a column `clinic_id` or
`patient_id`, or one of BY_MEMBERSHIP: it must have row-level security and a policy. A partition is
reached through its parent alone, whose policies hold there: nobody but the owner may have a right
to it.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from dermaclinic.accounts.tenancy import tenant_tables

# Tables that name a clinic or a patient and have no policy, and why that is right.
WITHOUT_POLICY = {
    "audit_seal": "the sealer's alone, which seals for all clinics",
}
# Tables that name neither, and hold patient data all the same.
BY_MEMBERSHIP = {"accounts_idempotencykey"}

_MARKED = """
    SELECT DISTINCT c.relname, c.relrowsecurity,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
    FROM pg_class c
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                            AND a.attname IN ('clinic_id', 'patient_id')
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND (a.attname IS NOT NULL OR c.relname = ANY(%s))
    ORDER BY c.relname
"""
# A right to a column counts, too.
_OPEN_PARTITIONS = """
    SELECT DISTINCT part, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM (
        SELECT c.relname AS part, c.relowner, rights.grantee
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) rights
        WHERE c.relispartition AND c.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT c.relname, c.relowner, rights.grantee
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        CROSS JOIN LATERAL aclexplode(a.attacl) rights
        WHERE c.relispartition AND c.relnamespace = 'public'::regnamespace
    ) granted
    WHERE grantee <> relowner
    ORDER BY 1, 2
"""
_VIEWS = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
      AND pg_get_userbyid(relowner) LIKE 'dermaclinic%%'
      AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)
"""


def patient_tables(connection: BaseDatabaseWrapper) -> dict[str, bool]:
    """Every table of patient data, by name: is it behind a policy?"""
    with connection.cursor() as cursor:
        cursor.execute(_MARKED, [sorted(tenant_tables() | BY_MEMBERSHIP)])
        return {name: secured and policy for name, secured, policy in cursor.fetchall()}


def open_partitions(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    """Partitions that somebody beside the owner has a right to, and who."""
    return _rows(connection, _OPEN_PARTITIONS)


def views_past_the_wall(connection: BaseDatabaseWrapper) -> list[str]:
    """Views of ours that read with their owner's rights, whom no policy binds."""
    return [name for (name,) in _rows(connection, _VIEWS)]


def _rows(connection: BaseDatabaseWrapper, sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [])
        return list(cursor.fetchall())


def check(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Django's system check, with a database at hand (`check --database default`, `migrate`).

    While migrations wait nothing is judged: they bring walls with them, and a fault found before
    them would keep `migrate` from ever mending it.
    """
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        try:
            found += [] if _is_behind(connection) else _holes(connection)
        except OperationalError:
            continue  # there is no server to ask: whoever needs one says so
    return found


def _is_behind(connection: BaseDatabaseWrapper) -> bool:
    [(may_ask,)] = _rows(
        connection,
        "SELECT coalesce(has_table_privilege(to_regclass('django_migrations'), 'SELECT'), true)",
    )
    if not may_ask:
        return False
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _holes(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    tables = patient_tables(connection).items()
    bare = [name for name, safe in tables if not safe and name not in WITHOUT_POLICY]
    return [
        *(
            Error(
                f"{name} holds patient data and has no row-level security with a policy.",
                hint="Add tenancy.protect() to a migration.",
                id="accounts.E001",
            )
            for name in bare
        ),
        *(
            Error(
                f"{role} has rights to {name}, past the policies of its parent.",
                hint="A partition gets no grants.",
                id="accounts.E002",
            )
            for name, role in open_partitions(connection)
        ),
        *(
            Error(
                f"The view {name} reads with its owner's rights, past every policy.",
                hint="Create it WITH (security_invoker = true).",
                id="accounts.E003",
            )
            for name in views_past_the_wall(connection)
        ),
    ]
