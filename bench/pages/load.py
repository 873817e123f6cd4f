"""Makes a clinic large: thousands of patients, by INSERT … SELECT, as the database's superuser.

Every row is a copy of one that the product itself has made (tests/permissions/scene.py), with ids,
times and figures of its own: so a column that is new is filled without a word here. Foreign keys
and triggers rest meanwhile, which would take longer than all else; `orphans` then looks whether
each reference holds. Checks and unique constraints never rest.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2

from bench.pages import rows

PREDICTIONS_A_PATIENT = 10  # five lesions at two visits, on average
EVENTS_A_PREDICTION = 1.5
WAITING, MOST_WAITING = 0.3, 3000  # the share of patients who wait, and how many at most

_INDEXES = """
SELECT relname, pg_get_indexdef(oid) FROM pg_class
WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%s::regclass[])
                 AND NOT indisunique AND NOT indisexclusion)
"""
_FOREIGN_KEYS = """
SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
       (SELECT array_agg(attname ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS k(n, place)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = n),
       (SELECT array_agg(attname ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS k(n, place)
        JOIN pg_attribute ON attrelid = confrelid AND attnum = n)
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])
"""
_MONTHS = """
SELECT to_char(month, '"audit_event_y"YYYY"m"MM'), month, month + interval '1 month'
FROM generate_series(date_trunc('month', now()) - interval '12 months', now(), '1 month') AS month
"""


def grow(
    url: str,
    clinic: uuid.UUID,
    templates: Mapping[str, uuid.UUID],
    predictions: int,
    say: Callable[[str], None],
) -> dict[str, int]:
    """Fill the clinic with about so many predictions; returns how many rows a table has then.

    `url` is a superuser's, `templates` names for each table of rows.ROWS the row to be copied.
    """
    patients = max(predictions // PREDICTIONS_A_PATIENT, 10)
    given = {
        "clinic": str(clinic),
        "patients": patients,
        "waiting": min(round(WAITING * patients), MOST_WAITING),
        "events": round(EVENTS_A_PREDICTION * predictions),
    }
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor, _in_a_hurry(cursor):
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET work_mem = '128MB'")
        cursor.execute("SELECT setseed(0.5)")
        _months(cursor)
        cursor.execute(rows.FRAME, given)
        for table, (source, columns) in rows.ROWS.items():
            say(f"  {table}")
            with _without_indexes(cursor, table):
                _multiply(cursor, table, templates[table], source, columns)
        say("  audit_event")
        cursor.execute(rows.EVENTS, given)
        cursor.execute("ANALYZE audit_event")
        say("  audit_seal")
        with _without_indexes(cursor, "audit_sealedevent"):
            cursor.execute(rows.SEALS, given)
        say("  making it tidy")
        cursor.execute(rows.DROP)
    connection.close()
    return _tidied(url)


@contextmanager
def _in_a_hurry(cursor: Any) -> Iterator[None]:
    """With few checkpoints, and no page written twice: this data may be lost."""
    hurry = {"full_page_writes": "off", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}
    for name, value in hurry.items():
        cursor.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    cursor.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        for name in hurry:
            cursor.execute(f"ALTER SYSTEM RESET {name}")
        cursor.execute("SELECT pg_reload_conf()")


def _months(cursor: Any) -> None:
    """The months that a product in use has made one by one."""
    cursor.execute(_MONTHS)
    for name, first, beyond in cursor.fetchall():
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is None:
            limits = f"FOR VALUES FROM ('{first}') TO ('{beyond}')"
            cursor.execute(f"CREATE TABLE {name} PARTITION OF audit_event {limits}")
            cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")


def _multiply(
    cursor: Any, table: str, template: uuid.UUID, source: str, columns: Mapping[str, str]
) -> None:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    names = [name for (name,) in cursor.fetchall()]
    assert columns.keys() <= set(names), f"{table} has other columns now"
    values = ", ".join(columns.get(name, f"t.{name}") for name in names)
    frame, where, condition = source.partition(" WHERE ")
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "  # noqa: S608 - all ours
        f"FROM {frame}, {table} AS t WHERE t.id = '{template}'"
        + (f" AND ({condition})" if where else "")
    )


@contextmanager
def _without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Build the table's indexes anew afterwards, which is quicker than row by row."""
    cursor.execute(_INDEXES, [[table]])
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _name, definition in found:
        cursor.execute(definition)


def _tidied(url: str) -> dict[str, int]:
    """As autovacuum leaves tables that have been there for long."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
        counts = {}
        for table in (*rows.ROWS, "audit_event"):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
            counts[table] = cursor.fetchone()[0]
    connection.close()
    return counts


def orphans(url: str) -> list[str]:
    """The foreign keys that some row breaks, by name."""
    broken = []
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(_FOREIGN_KEYS, [[*rows.ROWS, "audit_event", "audit_sealedevent"]])
        for name, table, target, own, theirs in cursor.fetchall():
            joined = " AND ".join(f"c.{a} = p.{b}" for a, b in zip(own, theirs, strict=True))
            there = " AND ".join(f"c.{a} IS NOT NULL" for a in own)
            cursor.execute(
                f"SELECT EXISTS (SELECT FROM {table} AS c WHERE {there} AND NOT EXISTS "  # noqa: S608
                f"(SELECT FROM {target} AS p WHERE {joined}))"
            )
            if cursor.fetchone()[0]:
                broken.append(name)
    connection.close()
    return broken
