"""From one visit to the next one that is free, without a way back over the list."""

import uuid

from django.db.models import QuerySet

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance, Study
from reports.models import Claim
from reports.selectors.worklist import worklist_studies
from reports.services import claims

TRIES = 20  # while colleagues take visits at the same moment
MOST_IMAGES = 24  # of the visit that comes ahead


def claim_next(*, actor: Actor, but: uuid.UUID | None = None) -> Claim | None:
    """Take the first visit of the worklist that nobody has taken; None when there is none.

    `but` is the visit that one comes from, which may not be finished.
    """
    with clinic_context(actor.clinic_id):
        free = [study.pk for study in _free(actor, but)[:TRIES]]
    for study_id in free:
        try:
            return claims.claim_study(actor=actor, study_id=study_id)
        except Conflict:
            continue  # somebody was quicker
    return None


def images_ahead(*, actor: Actor, but: uuid.UUID | None = None) -> list[uuid.UUID]:
    """The images of the visit that `claim_next` would take now, oldest first; none without one.

    Told as brought ahead, not as looked at: nobody has the visit open.
    """
    with clinic_context(actor.clinic_id):
        study: Study | None = _free(actor, but).first()
        if study is None:
            return []
        audit.preloaded_study(actor, study)
        images = Instance.objects.filter(study=study).order_by("created_at", "id")
        return list(images.values_list("pk", flat=True)[:MOST_IMAGES])


def _free(actor: Actor, but: uuid.UUID | None) -> QuerySet[Study]:
    studies = worklist_studies(actor, which="unclaimed")
    return studies.exclude(pk=but) if but else studies
