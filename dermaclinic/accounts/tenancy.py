"""One clinic at a time: the context that row-level security reads, and the wall's SQL.

Every table with patient data has a `clinic_id` and a policy that compares it with the setting
`app.clinic`, which lives only inside a transaction. Outside of a context the tables look empty;
so that nobody mistakes that for "no patients", a query without context raises in Python first.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import RunSQL

T = TypeVar("T")
QUEUES = {"inference_prediction", "reports_report"}
_clinic: ContextVar[uuid.UUID | None] = ContextVar("clinic", default=None)
_remembered: ContextVar[dict[str, Any] | None] = ContextVar("remembered", default=None)


class NoClinicContext(RuntimeError):
    """Patient data was asked for outside of `clinic_context`: a defect, never a user's fault."""


class TenantModel(models.Model):
    """A row of patient data: it belongs to one clinic, and only that clinic's context sees it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey("accounts.Clinic", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


@contextmanager
def clinic_context(clinic_id: uuid.UUID) -> Iterator[None]:
    """A transaction that sees one clinic. Nests within the same clinic, never across clinics."""
    outer = _clinic.get()
    if outer == clinic_id and connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    if outer is not None:
        raise NoClinicContext("A clinic's context was opened inside another clinic's.")
    token, noted = _clinic.set(clinic_id), _remembered.set({})
    try:
        with transaction.atomic():
            _set_clinic(str(clinic_id))
            yield
            # Inside a larger transaction the setting would outlive the context.
            if connection.savepoint_ids or len(connection.atomic_blocks) > 1:
                _set_clinic("")
    finally:
        _remembered.reset(noted)
        _clinic.reset(token)


def remembered(name: str, find: Callable[[], T]) -> T:
    """What `find` tells, asked once in each context: for what hardly ever changes.

    Whoever changes it calls `forget`. Without a context it is asked every time.
    """
    known = _remembered.get()
    if known is None:
        return find()
    if name not in known:
        known[name] = find()
    found: T = known[name]
    return found


def forget(name: str) -> None:
    """Ask anew for what was `remembered`."""
    (_remembered.get() or {}).pop(name, None)


def _set_clinic(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.clinic', %s, true)", [value])


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Act as another database role for a while; only the owner's connection may.

    The demo's seed and the tests make clinics as owner and do everything else behind the wall.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET ROLE dermaclinic_{role}")
        try:
            yield
        except BaseException:
            # Inside a transaction its rollback restores the role, and no statement would be taken.
            if not connection.in_atomic_block:
                cursor.execute(f"SET ROLE {before}")
            raise
        cursor.execute(f"SET ROLE {before}")


def current_clinic() -> uuid.UUID | None:
    """The clinic whose context is open, if any."""
    return _clinic.get()


def tenant_tables() -> set[str]:
    """The names of all tables that hold patient data."""
    return {m._meta.db_table for m in apps.get_models() if issubclass(m, TenantModel)}


def install_guard(connection: BaseDatabaseWrapper) -> None:
    """Make a query on patient data without a context raise, on connections that the wall binds.

    A worker finds work across clinics, so its queues have policies of their own.
    """
    if settings.DATABASE_ROLE not in ("web", "worker"):
        return
    tables = tenant_tables() - (QUEUES if settings.DATABASE_ROLE == "worker" else set())
    names = "|".join(sorted(tables))
    guarded = re.compile(
        rf'\s*(?:(?:SELECT|INSERT|DELETE|WITH)\b.*?\b(?:FROM|JOIN|INTO)|UPDATE)\s+"?({names})"?\b',
        re.DOTALL,
    )

    # A connection that is opened again keeps its wrappers.
    others = [each for each in connection.execute_wrappers if not isinstance(each, _Guard)]
    connection.execute_wrappers = [*others, _Guard(guarded)]


@dataclass(frozen=True)
class _Guard:
    guarded: re.Pattern[str]

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        if _clinic.get() is None and (found := self.guarded.match(str(sql))):
            raise NoClinicContext(f"{found.group(1)} was queried outside of clinic_context().")
        return execute(sql, params, many, context)


# Nobody's temporary table or function may stand in for ours.
SAFE_PATH = "SET search_path = public, pg_temp"
_CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"


def protect(
    table: str, *, web: str = "SELECT, INSERT, UPDATE, DELETE", worker: str = "SELECT"
) -> RunSQL:
    """Migration step: row-level security and grants for a table of patient data.

    `web` and `worker` are the SQL privileges of these roles; both see the context's clinic only.
    """
    grants = f"GRANT {web} ON {table} TO dermaclinic_web;"
    if worker:
        grants += f"GRANT {worker} ON {table} TO dermaclinic_worker;"
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY clinic ON {table} TO dermaclinic_web, dermaclinic_worker
            USING (clinic_id = {_CONTEXT}) WITH CHECK (clinic_id = {_CONTEXT});
        {grants}
        """,
        f"""
        REVOKE ALL ON {table} FROM dermaclinic_web, dermaclinic_worker;
        DROP POLICY clinic ON {table};
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def grant(table: str, **privileges: str) -> RunSQL:
    """Migration step: grants on a table without patient data, by role (`web="SELECT"`)."""
    return RunSQL(
        "".join(f"GRANT {what} ON {table} TO dermaclinic_{r};" for r, what in privileges.items()),
        "".join(f"REVOKE ALL ON {table} FROM dermaclinic_{role};" for role in privileges),
    )


def append_only(table: str, *, error: str) -> RunSQL:
    """Migration step: a trigger that refuses UPDATE, DELETE and TRUNCATE for everyone."""
    return RunSQL(
        f"""
        CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql {SAFE_PATH} AS $$
        BEGIN RAISE EXCEPTION '{error}' USING ERRCODE = 'restrict_violation'; END $$;
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION {table}_append_only();
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only();
        """,
        f"""
        DROP TRIGGER {table}_no_truncate ON {table};
        DROP TRIGGER {table}_append_only ON {table};
        DROP FUNCTION {table}_append_only();
        """,
    )


def immutable_when(table: str, condition: str, *, but: tuple[str, ...] = (), error: str) -> RunSQL:
    """Migration step: a trigger that refuses UPDATE and DELETE of rows that meet `condition`.

    `condition` is SQL over OLD; the columns in `but` may still change.
    """
    left_out = "ARRAY[" + ", ".join(f"'{column}'" for column in but) + "]::text[]"
    return RunSQL(
        f"""
        CREATE FUNCTION {table}_immutable() RETURNS trigger LANGUAGE plpgsql {SAFE_PATH} AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - {left_out} = to_jsonb(NEW) - {left_out} THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION '{error}' USING ERRCODE = 'restrict_violation';
        END $$;
        CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {table}_immutable();
        """,
        f"DROP TRIGGER {table}_immutable ON {table}; DROP FUNCTION {table}_immutable();",
    )


def web_changes_only(table: str, *columns: str) -> RunSQL:
    """Migration step: a trigger that refuses the web role's changes of all other columns.

    For models that are saved whole, where a grant of UPDATE on columns would refuse every save.
    """
    free = "ARRAY[" + ", ".join(f"'{column}'" for column in columns) + "]::text[]"
    return RunSQL(
        f"""
        CREATE FUNCTION {table}_web_changes() RETURNS trigger LANGUAGE plpgsql {SAFE_PATH} AS $$
        BEGIN
            IF to_jsonb(OLD) - {free} <> to_jsonb(NEW) - {free} THEN
                RAISE EXCEPTION 'only {", ".join(columns)} may change'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {table}_web_changes BEFORE UPDATE ON {table} FOR EACH ROW
            WHEN (current_user = 'dermaclinic_web') EXECUTE FUNCTION {table}_web_changes();
        """,
        f"DROP TRIGGER {table}_web_changes ON {table}; DROP FUNCTION {table}_web_changes();",
    )


def same(table: str, column: str, target: str, *shared: str) -> RunSQL:
    """Migration step: what `column` points to has the same values in the `shared` columns.

    A composite foreign key: a lesion of one patient can never stand in another's visit, nor a row
    of one clinic point into another's.
    """
    names = "_".join(shared)
    columns = ", ".join(shared)
    unique = f"{target}_with_{names}"
    constraint = f"{table}_{column}_same_{names}"
    return RunSQL(
        f"""
        CREATE UNIQUE INDEX IF NOT EXISTS {unique} ON {target} (id, {columns});
        ALTER TABLE {table} ADD CONSTRAINT {constraint}
            FOREIGN KEY ({column}, {columns}) REFERENCES {target} (id, {columns});
        """,
        f"ALTER TABLE {table} DROP CONSTRAINT {constraint};",
    )
