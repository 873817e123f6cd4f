"""Two records to merge, and every row of theirs, byte by byte."""

from typing import Any

from django.db import connection

from dermaclinic.accounts.tenancy import acting_as, clinic_context
from patients.merging import services
from patients.models import Merge, MergeUndo

WHY = "registered twice"
# What a merge leaves behind by its nature: its record, and the audit.
LEFT = ("patients_merge", "patients_mergeundo", "audit_", "django_")


def merge(actor: Any, survivor: Any, other: Any, **more: Any) -> Merge:
    fields = {"reason": WHY} | more
    return services.merge_patients(
        actor=actor, survivor_id=survivor.pk, other_id=other.pk, **fields
    )


def undo(actor: Any, made: Merge) -> MergeUndo:
    return services.undo_merge(actor=actor, merge_id=made.pk, reason="two people")


def everything(actor: Any) -> dict[str, set[str]]:
    """All rows of all tables but LEFT, as the database writes them; those of no patient, too."""
    tables = [name for name in connection.introspection.table_names() if not name.startswith(LEFT)]
    found = {}
    with clinic_context(actor.clinic_id), acting_as("owner"), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT to_jsonb(row)::text FROM "{table}" AS row')
            found[table] = {text for (text,) in cursor.fetchall()}
    return found
