"""Keeps the rows that say which visits wait for a doctor, and their places in the worklist.

Whatever changes a visit's images or assessments calls `refresh` in the same transaction; what else
its place hangs on makes it stale by triggers, and `find_places` computes it when the list is read.
Until then it stands where it stood; a visit that has just come stands among those whose opinion is
not there yet.
Once a night `mend` compares all rows with the rule, so that a caller who forgot is found.
"""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from reports.models import Assessment, Waiting

SLICE = 200  # visits that one transaction computes or asks anew

# A visit's place as one text that sorts: rank, probability from the top, time, id. One pass over
# the visit's images; `answered` looks at all images of a lesion, the rest at those still open.
PLACE = """
(SELECT (CASE WHEN NOT agreed OR bool_or(NOT answered) THEN 0
              WHEN bool_or(status = 'ready' AND triage = 'urgent') THEN 1
              WHEN bool_or(status IN ('queued', 'running')) THEN 2
              ELSE 3 END)::text
    || lpad((1000000 - round(1000000 * coalesce(
           max(probability) FILTER (WHERE agreed AND status = 'ready'), 0)))::text, 7, '0')
    || to_char(imaging_study.acquired_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')
    || imaging_study.id::text
 FROM (
    SELECT newest.status, newest.triage, newest.malignant_probability AS probability,
           image.lesion_id IS NULL OR NOT EXISTS (
               SELECT FROM reports_assessment AS made
               WHERE made.study_id = image.study_id AND made.lesion_id = image.lesion_id
                 AND image.id = ANY (made.images)
                 AND NOT EXISTS (SELECT FROM reports_assessmentwithdrawal AS back
                                 WHERE back.assessment_id = made.id)) AS open,
           coalesce(bool_or(newest.status IN ('ready', 'queued', 'running'))
               OVER (PARTITION BY coalesce(image.lesion_id, image.id)), false) AS answered,
           coalesce((
               SELECT said.granted FROM patients_consent AS said
               WHERE said.patient_id = image.patient_id AND said.purpose = 'ai_opinion'
               ORDER BY said.recorded_at DESC LIMIT 1), false) AS agreed
    FROM imaging_instance AS image
    LEFT JOIN LATERAL (
        SELECT asked.status, asked.triage, asked.malignant_probability
        FROM inference_prediction AS asked WHERE asked.instance_id = image.id AND NOT asked.shadow
        ORDER BY asked.rerun DESC, asked.requested_at DESC LIMIT 1) AS newest ON true
    WHERE image.study_id = imaging_study.id) AS shown
 WHERE open GROUP BY agreed) COLLATE "C"
"""
# Without the probability: as if it were nought everywhere.
_PLACED = f"""
UPDATE reports_waiting SET stale = false, place = found.place,
    blinded_place = left(found.place, 1) || '1000000' || substr(found.place, 9)
FROM (SELECT imaging_study.id, {PLACE} AS place FROM imaging_study
      WHERE imaging_study.id = ANY (%s)) AS found
WHERE reports_waiting.study_id = found.id
"""  # noqa: S608 - constants of this file


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
    waits = studies.filter(_waits()).values_list("pk", "clinic_id", "acquired_at")
    found = {pk: (clinic_id, _first_place(pk, acquired)) for pk, clinic_id, acquired in waits}
    Waiting.objects.filter(study_id__in=study_ids).exclude(study_id__in=found).delete()
    Waiting.objects.bulk_create(
        [
            Waiting(study_id=pk, clinic_id=clinic_id, place=place, blinded_place=place)
            for pk, (clinic_id, place) in found.items()
        ],
        ignore_conflicts=True,
    )
    Waiting.objects.filter(study_id__in=found).update(stale=True)


def find_places() -> int:
    """Compute places that are stale, and say how many. Call it in the clinic's context, before
    reading them.

    At most `SLICE`, from the top of the list: visits whose place was never computed stand there
    with the oldest first, as after an upgrade all do. The rest keep theirs until the next call.

    The rows are locked by a statement of their own: so the next one sees all that has been
    committed, and what is still to be committed makes them stale again. Nobody is waited for: who
    reads the list and a worker who writes many answers would each hold what the other wants. A row
    that is somebody else's at this moment keeps its place, and stays stale for the next reader.
    """
    stale = Waiting.objects.filter(stale=True).order_by("place")
    rows = stale.select_for_update(skip_locked=True)
    if study_ids := list(rows.values_list("study_id", flat=True)[:SLICE]):
        with connection.cursor() as cursor:
            cursor.execute(_PLACED, [study_ids])
    return len(study_ids)


def differences() -> list[uuid.UUID]:
    """The clinic's visits whose row, or whose missing row, is wrong. One statement, one moment.

    Wrong is also a place that is not stale and yet another one than the rule's.
    """
    listed = Exists(Waiting.objects.filter(study=OuterRef("pk")))
    studies = Study.objects.annotate(waits=_waits(), listed=listed)
    wrong = Q(waits=True, listed=False) | Q(waits=False, listed=True)
    place = RawSQL(PLACE, [], output_field=TextField())  # noqa: S611 - a constant of this file
    misplaced = Q(waiting__stale=False) & ~Q(waiting__place=place)
    return list(studies.filter(wrong | misplaced).values_list("pk", flat=True))


def mend(clinic_id: uuid.UUID) -> list[uuid.UUID]:
    """Put right what `differences` finds in a clinic, compute what is stale, and return the former.

    In slices that commit, each in a context of its own: a transaction has only so many locks, and
    whoever works meanwhile waits for one slice at most.
    """
    with clinic_context(clinic_id):
        wrong = differences()
    for start in range(0, len(wrong), SLICE):
        with clinic_context(clinic_id):
            refresh(wrong[start : start + SLICE])
    computed = SLICE
    while computed == SLICE:
        with clinic_context(clinic_id):
            computed = find_places()
    return wrong


def _waits() -> Exists:
    return Exists(open_images().filter(study=OuterRef("pk")))


def _first_place(study_id: uuid.UUID, acquired_at: datetime) -> str:
    """A new row's, in the form of `PLACE`: an opinion that is still to come may be urgent."""
    return f"21000000{acquired_at.astimezone(UTC):%Y%m%d%H%M%S%f}{study_id}"
