"""Signing: the doctor enters the password again, the content freezes, a worker makes the PDF."""

import uuid

from dermaclinic.accounts.actor import Actor
from reports.models import Report


def sign(*, actor: Actor, report_id: uuid.UUID, password: str) -> Report:
    """Freeze a draft's content, give it its number, and ask for its PDF.

    Invalid (`errors["password"]`) and an event that survives when the password is wrong; nothing
    else changes. Conflict when it is signed already, or an assessment is no longer the newest, or
    an image that was assessed has been moved since.
    """
    raise NotImplementedError
