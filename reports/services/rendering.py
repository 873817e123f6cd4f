"""PDFs, made by a worker: found across clinics, claimed, rendered, sealed in the vault."""

import uuid

from dermaclinic.accounts.actor import Actor
from reports.models import Report


def render_pending(*, limit: int = 4) -> int:
    """Render up to `limit` waiting reports, as the worker; how many were tried (0: none waited)."""
    raise NotImplementedError


def anything_waiting() -> bool:
    """Is a signed report of any clinic waiting for its PDF? For the sweep, as the worker."""
    raise NotImplementedError


def retry_rendering(*, actor: Actor, report_id: uuid.UUID) -> Report:
    """Ask once more for a PDF that failed; nothing happens when it is being made."""
    raise NotImplementedError
