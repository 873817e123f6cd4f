"""Drafts of reports: composed from assessments of one visit, discarded, or made from a signed one."""

import uuid
from collections.abc import Sequence

from dermaclinic.accounts.actor import Actor
from reports.models import Report


def compose(*, actor: Actor, assessment_ids: Sequence[uuid.UUID]) -> Report:
    """A draft from assessments in the given order: all of one visit, each the newest of its lesion.

    Composing the same once more answers with the draft that is there. A draft has no number yet:
    numbers run without gaps in a clinic, so signing gives them.
    """
    raise NotImplementedError


def discard(*, actor: Actor, report_id: uuid.UUID) -> None:
    """Throw a draft away; Conflict when it is signed."""
    raise NotImplementedError
