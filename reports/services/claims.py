"""A doctor takes a visit to read, so that two do not read the same one; it lapses by itself."""

import uuid
from datetime import timedelta

from dermaclinic.accounts.actor import Actor
from reports.models import Claim

CLAIM_LASTS = timedelta(minutes=30)


def claim_study(*, actor: Actor, study_id: uuid.UUID) -> Claim:
    """Take a visit for 30 minutes of the database's clock, or prolong one's own claim.

    Conflict, naming who and until when, while another doctor's claim is live.
    """
    raise NotImplementedError


def release_study(*, actor: Actor, study_id: uuid.UUID) -> None:
    """Give one's own claim back; nothing happens when there is none. Conflict for another's."""
    raise NotImplementedError
