"""What a refused request must leave untouched: every row of every table, and the vault."""

import hashlib
from pathlib import Path

from django.db import connection

from tests.database import acting_as

# Not part of a clinic's record: the trail of the refusal itself, sessions, counters of a lockout.
LEFT_OUT = ("audit_", "axes_", "django_session", "django_migrations", "usersessions_")
# A token's last use and a person's last sign-in say that somebody called, whatever came of it.
COLUMNS_LEFT_OUT = ["last_used_at", "last_used_address", "last_login"]
Rows = dict[str, tuple[int, str]]


def tables() -> list[str]:
    """Every table whose rows a refusal may not change."""
    names = connection.introspection.table_names()
    return sorted(name for name in names if not name.startswith(LEFT_OUT))


def rows() -> Rows:
    """By table how many rows there are and a hash of them, as the owner sees them."""
    each = [
        f"SELECT '{table}', count(*), md5(string_agg(row, '' ORDER BY row)) FROM ("
        f"SELECT md5((to_jsonb(t) - %(columns)s::text[])::text) AS row FROM {table} t) rows"
        for table in tables()
    ]
    # The driver's own cursor: the guard of `tenancy` would miss a clinic's context.
    with acting_as("owner"), connection.connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each), {"columns": COLUMNS_LEFT_OUT})
        return {table: (count, told) for table, count, told in cursor.fetchall()}


def difference(before: Rows, after: Rows) -> list[str]:
    """The tables that are not as they were."""
    return sorted(name for name in before | after if before.get(name) != after.get(name))


def files(folder: Path) -> list[tuple[str, str]]:
    """Names and hashes of everything under a folder."""
    return sorted(
        (str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    )
