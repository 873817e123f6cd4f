"""Corrections of signed reports: what must be amended, and the draft of the next version."""

import uuid

from dermaclinic.accounts.actor import Actor
from reports.models import Report


def amend(*, actor: Actor, report_id: uuid.UUID) -> Report:
    """A draft of the next version of a signed report, from the newest assessments of its lesions.

    Amending once more answers with the draft that is there. Conflict for a draft, or for a version
    that has been replaced.
    """
    raise NotImplementedError
