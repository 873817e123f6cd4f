"""What hangs together since a merge, so that the rows of two records cannot be told apart again.

The database says which rows those are (`patients_rows_of_merge`); here they become sentences.
"""

import uuid
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from patients.merging import words
from patients.models import Lesion, Merge

PLACES = ("imaging_study", "patients_lesion")  # what rows hang on


@dataclass(frozen=True)
class Row:
    """A row that would go back, or (`kept`) one of the survivor's that it hangs on."""

    table: str
    pk: uuid.UUID
    kept: bool
    by_kept: bool


@dataclass(frozen=True)
class Knot:
    """Why a merge cannot be undone now, and what joins the two records."""

    sentence: StrOrPromise
    lines: list[str]


def rows(merge: Merge) -> list[Row]:
    """Everything that hangs on what a merge brought. Call it inside the clinic's context."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tbl, row_id, kept, by_kept FROM patients_rows_of_merge(%s)", [merge.pk]
        )
        return [Row(table, uuid.UUID(str(pk)), *sides) for table, pk, *sides in cursor.fetchall()]


def knot(merge: Merge, found: list[Row] | None = None) -> Knot | None:
    """What stands against undoing, or None."""
    found = rows(merge) if found is None else found
    if not any(row.kept for row in found):
        return None
    sentence = _(
        "Since the merge, images or findings of one record were filed under a visit or a lesion of "
        "the other. File them apart first, then undo the merge."
    )
    if _is_signed(found):
        sentence = _(
            "Since the merge, a report was signed on a visit that holds lesions of both records. "
            "It stays as it is, so the merge cannot be undone."
        )
    return Knot(sentence, _lines(merge, found))


def _is_signed(found: list[Row]) -> bool:
    """Is one of the rows that join the records a signed report?"""
    joining = [row.pk for row in found if row.by_kept and row.table == "reports_report"]
    model = words.models().get("reports_report")
    return (
        bool(joining)
        and model is not None
        and (model.objects.filter(pk__in=joining, status="signed").exists())
    )


def _lines(merge: Merge, found: list[Row]) -> list[str]:
    """Which visits and lesions of the one record hang on which of the other, and by what."""
    mine = [row for row in found if row.kept]
    came = {uuid.UUID(pk) for ids in merge.moved.values() for pk in ids}
    theirs = [row for row in found if row.by_kept and row.pk in came and row.table in PLACES]
    new = [row for row in found if row.by_kept and not row.kept and row.pk not in came]
    lines = []
    if names := _names(mine):
        lines.append(_("Of this record: %(names)s") % {"names": names})
    if names := _names(theirs):
        lines.append(_("Of the record that was merged into it: %(names)s") % {"names": names})
    if names := _names([row for row in new if row.table in PLACES]):
        lines.append(_("Added since: %(names)s") % {"names": names})
    joined: dict[str, int] = {}
    for row in found:
        if row.by_kept and row.table not in PLACES:
            joined[row.table] = joined.get(row.table, 0) + 1
    if joined:
        lines.append(_("Joined by: %(rows)s") % {"rows": ", ".join(words.counted(joined))})
    return lines


def _names(of: list[Row]) -> str:
    names = []
    models = words.models()
    for table in PLACES:
        ids = [row.pk for row in of if row.table == table]
        for each in models[table].objects.filter(pk__in=ids):
            if isinstance(each, Lesion):
                names.append(_("lesion %(lesion)s") % {"lesion": each})
            else:
                names.append(_("the visit of %(visit)s") % {"visit": each})
    return ", ".join(sorted(names))
