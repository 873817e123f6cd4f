"""The test database's roles: made and emptied as owner, used as web, worker or sealer."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

KEEP = {"django_migrations", "django_content_type"}


def use_role(role: str) -> None:
    """Let new connections act as a role. The login is the owner's, who is a member of each."""
    connection.close()
    options = connection.settings_dict.setdefault("OPTIONS", {})
    options["options"] = f"-c role=dermaclinic_{role}"


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Act as a role for some statements of the current connection, inside a transaction too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET ROLE dermaclinic_{role}")
        yield
        cursor.execute(f"SET ROLE {before}")


def empty() -> None:
    """Remove all rows, those that nobody may remove included: for tests that really commit."""
    tables = [
        name for name in connection.introspection.table_names() if name not in KEEP
    ]
    with acting_as("owner"), connection.cursor() as cursor:
        protected = [
            m._meta.db_table for m in apps.get_models() if m._meta.db_table in tables
        ]
        for table in protected:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        for table in protected:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
