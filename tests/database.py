"""The test database's roles: made and emptied as owner, used as web, worker or sealer."""

from django.apps import apps
from django.db import connection

from dermaclinic.accounts.tenancy import acting_as

__all__ = ["acting_as", "empty", "use_role"]

KEEP = {"django_migrations", "django_content_type"}


def use_role(role: str) -> None:
    """Let new connections act as a role. The login is the owner's, who is a member of each."""
    connection.close()
    options = connection.settings_dict.setdefault("OPTIONS", {})
    options["options"] = f"-c role=dermaclinic_{role}"


def empty() -> None:
    """Remove all rows, those that nobody may remove included: for tests that really commit."""
    tables = [name for name in connection.introspection.table_names() if name not in KEEP]
    with acting_as("owner"), connection.cursor() as cursor:
        protected = [m._meta.db_table for m in apps.get_models() if m._meta.db_table in tables]
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class part "
            "ON part.oid = inhrelid WHERE part.relkind = 'r'"
        )
        protected += [name for (name,) in cursor.fetchall()]
        for table in protected:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        for table in protected:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
