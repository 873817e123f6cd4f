"""From one visit to the next one that is free, without a way back over the list."""

import uuid

from django.db.models import Q

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance, Study
from reports.models import Assessment, Claim
from reports.selectors.worklist import worklist_studies
from reports.services import claims

TRIES = 20  # while colleagues take visits at the same moment
MOST_IMAGES = 24  # of the visit that comes ahead


def claim_next(*, actor: Actor, but: uuid.UUID | None = None) -> Claim | None:
    """Take the first visit of the worklist that nobody has taken; None when there is none.

    `but` is the visit that one comes from. While it is not finished, the next one is the next
    behind it; when nothing has been assessed there, it is given back.
    """
    with clinic_context(actor.clinic_id):
        free = [study.pk for study in _free(actor, but, TRIES)]
    for study_id in free:
        try:
            claim = claims.claim_study(actor=actor, study_id=study_id)
        except Conflict:
            continue  # somebody was quicker
        if but is not None:
            _leave(actor, but)
        return claim
    return None


def _leave(actor: Actor, study_id: uuid.UUID) -> None:
    """Give one's own claim back, unless somebody has assessed there since it was last taken.

    Whoever leafs through the list would else keep all of it from the others.
    """
    with clinic_context(actor.clinic_id):
        # Locked as for claiming: it is neither prolonged nor taken over while we ask.
        Study.objects.select_for_update(no_key=True).filter(pk=study_id).first()
        claim = claims.live().filter(study=study_id, doctor=actor.person).first()
        if claim is None:
            return
        since = claim.expires_at - claims.CLAIM_LASTS
        if not Assessment.objects.filter(study=study_id, recorded_at__gte=since).exists():
            claims.release_study(actor=actor, study_id=study_id)


def images_ahead(*, actor: Actor, but: uuid.UUID | None = None) -> list[uuid.UUID]:
    """The images of the visit that `claim_next` would take now, oldest first; none without one.

    Told as brought ahead, not as looked at: nobody has the visit open.
    """
    with clinic_context(actor.clinic_id):
        free = _free(actor, but, 1)
        if not free:
            return []
        [study] = free
        audit.preloaded_study(actor, study)
        images = Instance.objects.filter(study=study).order_by("created_at", "id")
        return list(images.values_list("pk", flat=True)[:MOST_IMAGES])


def _free(actor: Actor, but: uuid.UUID | None, most: int) -> list[Study]:
    """The first visits of the worklist that nobody has taken.

    Where `but` still waits, those behind it come before those above: one that was left before is
    free again, and would come back at once.
    """
    studies = worklist_studies(actor, which="unclaimed")
    if but is None:
        return list(studies[:most])
    studies = studies.exclude(pk=but)
    here: Study | None = worklist_studies(actor).filter(pk=but).first()
    if here is None:
        return list(studies[:most])
    left: str = getattr(here, "worklist_key")  # noqa: B009 - an annotation, unknown to the types
    behind = list(studies.filter(Q(worklist_key__gt=left))[:most])
    return behind + list(studies.filter(Q(worklist_key__lt=left))[: most - len(behind)])
