"""Blinded first, on the floor of the doctors: what opens an opinion, and what became of a mind.

The veil itself is `inference/veil.py`; this is the rule that lifts it. Any assessment that covers
an image lifts it for everybody, and it stays lifted when the assessment is taken back: who has
seen the opinion has seen it.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import Q

from dermaclinic.accounts.actor import Actor
from dermaclinic.audit.models import Event
from imaging.models import Instance
from inference.models import Prediction
from inference.veil import Veiled, down, hidden, is_hidden, require_open
from reports.models import Agreement, Assessment

__all__ = [
    "Veiled",
    "changed_mind",
    "down",
    "first_impression",
    "first_impressions",
    "has_seen",
    "hidden",
    "impression_among",
    "is_hidden",
    "opened",
    "require_open",
    "unconfirmed",
]


def opened(instances: Collection[Instance]) -> set[uuid.UUID]:
    """The images that an assessment of their patient covers, standing or withdrawn; one query."""
    ids = {each.pk for each in instances}
    covered = Assessment.objects.filter(
        patient_id__in={each.patient_id for each in instances}, images__overlap=list(ids)
    ).values_list("images", flat=True)
    return ids & {pk for images in covered for pk in images}


def has_seen(actor: Actor, prediction: Prediction) -> bool:
    """Does the audit know of a look at more of an opinion than urgent or routine?

    By a token, which is not veiled, or in another role. Whoever has seen it is not blinded, under
    whichever record it stood then: a merge moves the opinion, and never an event. A worklist that
    was not veiled names the visits of whose opinions it told.
    """
    opened = Q(
        action="prediction.viewed",
        object_id=str(prediction.pk),
        detail__shown__isnull=True,  # not the triage alone
    )
    listed = Q(
        action="worklist.viewed",
        detail__contains={"unveiled": [str(prediction.instance.study_id)]},
    )
    looks = Event.objects.filter(actor=actor.person.pk, at__gte=prediction.requested_at)
    return looks.filter(opened | listed).exists()


def unconfirmed(assessment: Assessment) -> bool:
    """Does a first impression differ from the opinion, and nobody has said yet what holds?

    Its author keeps it with a reason, or changes it: either is a new version, no longer blinded.
    """
    return assessment.blinded and assessment.agreement == Agreement.DIFFERS


def first_impression(made: Assessment) -> Assessment | None:
    """What the author of `made` had recorded of the lesion before seeing the opinion; one query.

    None where that is `made` itself, or there was nothing. One that was taken back is one, too.
    """
    if made.blinded:
        return None
    return (
        Assessment.objects.filter(
            study_id=made.study_id,
            lesion_id=made.lesion_id,
            author_id=made.author_id,
            blinded=True,
            version__lt=made.version,
        )
        .select_related("author")
        .order_by("-version")
        .first()
    )


def first_impressions(made: Collection[Assessment]) -> dict[uuid.UUID, Assessment]:
    """The same of many, by the id of the assessment that follows; one query."""
    blinded: dict[tuple[uuid.UUID, uuid.UUID], list[Assessment]] = defaultdict(list)
    rows = Assessment.objects.filter(
        study_id__in={each.study_id for each in made}, blinded=True
    ).select_related("withdrawal")
    for row in rows.order_by("-version"):
        blinded[row.study_id, row.lesion_id].append(row)
    found = {
        each.pk: impression_among(each, blinded[each.study_id, each.lesion_id]) for each in made
    }
    return {pk: first for pk, first in found.items() if first is not None}


def impression_among(made: Assessment, history: Iterable[Assessment]) -> Assessment | None:
    """The same, among the lesion's assessments at the visit, newest first; no query."""
    if made.blinded:
        return None
    earlier = (
        each
        for each in history
        if each.blinded and each.author_id == made.author_id and each.version < made.version
    )
    return next(earlier, None)


def changed_mind(made: Assessment, first: Assessment | None) -> bool:
    """Is the most likely diagnosis another one than at the first impression?"""
    return first is not None and first.diagnoses[0] != made.diagnoses[0]
