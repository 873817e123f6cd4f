"""Keeps the rows that say which visits wait for a doctor.

Whatever changes a visit's images or assessments calls `refresh` in the same transaction. Once a
night `mend` compares all rows with the rule, so that a caller who forgot is found.
"""

import uuid
from collections.abc import Collection

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from dermaclinic.accounts.tenancy import current_clinic
from imaging.models import Instance, Study
from reports.models import Assessment, Waiting


def open_images() -> QuerySet[Instance]:
    """Images that are still to be assessed: nobody has done it, or they belong to no lesion yet."""
    assessed = Assessment.objects.standing().filter(
        study=OuterRef("study"), lesion=OuterRef("lesion"), images__contains=[OuterRef("pk")]
    )
    return Instance.objects.filter(Q(lesion=None) | ~Exists(assessed))


def refresh(study_ids: Collection[uuid.UUID]) -> None:
    """Say anew of each visit whether it waits. Call it in the clinic's context, after the change.

    Two who change one visit at once come one after the other, and the second sees the first's work.
    """
    with connection.cursor() as cursor:
        for study_id in sorted(set(study_ids)):
            key = f"reports.waiting {study_id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    studies = Study.objects.filter(pk__in=study_ids)
    waits = studies.filter(_waits()).values_list("pk", "clinic_id")
    found = dict(waits)
    Waiting.objects.filter(study_id__in=study_ids).exclude(study_id__in=found).delete()
    Waiting.objects.bulk_create(
        [Waiting(study_id=pk, clinic_id=clinic_id) for pk, clinic_id in found.items()],
        ignore_conflicts=True,
    )


def differences() -> list[uuid.UUID]:
    """The clinic's visits whose row, or whose missing row, is wrong. One statement, one moment."""
    listed = Exists(Waiting.objects.filter(study=OuterRef("pk")))
    studies = Study.objects.annotate(waits=_waits(), listed=listed)
    wrong = studies.filter(Q(waits=True, listed=False) | Q(waits=False, listed=True))
    return list(wrong.values_list("pk", flat=True))


def mend() -> list[uuid.UUID]:
    """Put right what `differences` finds in the clinic whose context is open, and return it."""
    assert current_clinic() is not None, "A clinic's context must be open."
    wrong = differences()
    refresh(wrong)
    return wrong


def _waits() -> Exists:
    return Exists(open_images().filter(study=OuterRef("pk")))
