"""Which record stands for which: from a closed one to where its rows are, and back.

A survivor may be merged on: the way from a closed record to the one that stands has several steps
then. Call everything here inside the clinic's context.
"""

import uuid
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from dermaclinic.audit.same_person import Period
from dermaclinic.errors import Conflict
from patients.models import Merge, Patient

CLOSED = _(
    "This record has been merged into another one and takes nothing new. Open the record that it "
    "was merged into."
)


def require_open(patient: Patient) -> None:
    """Conflict for a record that was merged into another one."""
    if patient.merged_into_id is not None:
        raise Conflict(CLOSED)


def standing(found: Iterable[Patient]) -> list[Patient]:
    """The records that stand for the found ones, each once, in the order in which they were found.

    One query for each step that a record was merged on; usually none.
    """
    reached = list(found)
    while closed := {each.merged_into_id for each in reached if each.merged_into_id}:
        into = Patient.objects.in_bulk(closed)
        reached = [into.get(each.merged_into_id, each) for each in reached]
    return list({each.pk: each for each in reached}.values())


def absorbed(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Patient]]:
    """For each of these records the closed ones whose rows it has now.

    One query, and one more for each step that such a record was itself merged into.
    """
    owner = {each: each for each in ids}
    found: dict[uuid.UUID, list[Patient]] = {}
    level = set(owner)
    while level:
        closed = list(Patient.objects.filter(merged_into_id__in=level).order_by("mrn", "id"))
        for each in closed:
            assert each.merged_into_id is not None
            owner[each.pk] = owner[each.merged_into_id]
            found.setdefault(owner[each.pk], []).append(each)
        level = {each.pk for each in closed}
    return found


def with_former_numbers(found: Sequence[Patient]) -> Sequence[Patient]:
    """The same records; each has `former_mrns`, the numbers of those that were merged into it."""
    closed = absorbed(each.pk for each in found)
    for each in found:
        each.former_mrns = [former.mrn for former in closed.get(each.pk, [])]  # type: ignore[attr-defined]  # shown by lists and the API
    return found


def periods(patient: uuid.UUID) -> list[Period]:
    """Under which other ids, and when, the audit speaks of this person's data.

    Of a record with others merged into it: theirs, always. Of one that was merged and is open
    again: the survivor's, for as long as it had the rows.
    """
    ids = {patient}
    for each in absorbed([patient]).get(patient, []):
        ids.add(each.pk)
    found = [Period(each) for each in ids if each != patient]
    undone = Merge.objects.filter(closed_id__in=ids, undo__isnull=False)
    found += [
        Period(merge.survivor_id, merge.merged_at, merge.undo.undone_at)
        for merge in undone.select_related("undo")
        if merge.survivor_id not in ids
    ]
    return found
