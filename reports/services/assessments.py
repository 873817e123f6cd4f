"""A doctor's judgement of a lesion at a visit, beside an opinion that may or may not be there."""

import uuid
from collections.abc import Sequence
from datetime import date

from dermaclinic.accounts.actor import Actor
from reports.models import Assessment


def record_assessment(
    *,
    actor: Actor,
    study_id: uuid.UUID,
    lesion_id: uuid.UUID,
    diagnoses: Sequence[str],
    management: str,
    due: date | None = None,
    reason: str = "",
    description: str = "",
    two_step: str = "",
    algorithm: str = "",
    comment: str = "",
) -> Assessment:
    """Record one's own diagnoses (SNOMED CT codes, most likely first, 1–3) and what to do.

    Invalid: unknown, repeated or no diagnoses; no image of the lesion in this visit; monitoring
    without a date in the future, or a date without monitoring; departing from the opinion without
    a reason (`errors` names the field). Conflict: another doctor's live claim on the visit.
    Recording the same once more (a double click) answers with the version that is there.
    """
    raise NotImplementedError
