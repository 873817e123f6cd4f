"""The chores: leases that ended, sealed bytes that nobody refers to, reports to be rendered."""

import logging
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from dermaclinic import bell
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import partitions
from dermaclinic.celery import app
from dermaclinic.rest import idempotency
from imaging import selectors as imaging
from imaging.services import sweep_uploads
from imaging.storage import vault
from imaging.vault import LocalVault
from inference.services import queue
from reports import selectors as reports
from reports.services import rendering, waiting

log = logging.getLogger(__name__)

UNCLAIMED = timedelta(days=1)
REPORTS_A_TASK = 40


@app.task(name="workers.default.sweep")
def sweep() -> None:
    """Once a minute: rescue what a lost worker or a lost bell has left, and ring again."""
    swept = queue.sweep()
    if swept is not None and swept.queued:
        bell.ring_now(bell.INFERENCE)
    if rendering.anything_waiting():
        bell.ring_now(bell.RENDER)


@app.task(name=bell.RENDER)
def render_reports() -> None:
    """Make the PDFs that are waiting; a long queue is continued by another task."""
    done = 0
    while (tried := rendering.render_pending()) and done < REPORTS_A_TASK:
        done += tried
    if tried:
        bell.ring_now(bell.RENDER)


@app.task(name="workers.default.sweep_vault")
def sweep_vault() -> None:
    """Once an hour: delete, after a day, answers kept for repeats, files that never arrived whole,
    and objects nobody refers to.

    Files do not roll back: an admission that failed late has left some.
    """
    referenced: set[str] = set()
    for clinic_id in Clinic.objects.values_list("pk", flat=True):
        sweep_uploads(clinic_id=clinic_id)
        with clinic_context(clinic_id):
            referenced |= imaging.stored_names() | reports.stored_names()
    store = vault()
    removed = sum(
        store.delete_stale(name, UNCLAIMED)
        for name in store.stale(referenced.__contains__, UNCLAIMED)
    )
    if isinstance(store, LocalVault):
        store.clear_drafts(UNCLAIMED)
    idempotency.delete_expired()
    if removed:
        log.info("Removed %d objects that nobody refers to.", removed)


@app.task(name="workers.default.sweep_waiting")
def sweep_waiting() -> None:
    """Once a night: compare the worklist's rows with images and assessments, and put them right."""
    for clinic_id in Clinic.objects.values_list("pk", flat=True):
        if wrong := len(waiting.mend(clinic_id)):
            log.warning(
                "%d visits stood wrongly in a clinic's worklist, or were missing there.", wrong
            )


@app.task(name="workers.default.sweep_sessions")
def sweep_sessions() -> None:
    """Once an hour: delete sessions that have ended, those of mere visitors among them."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


@app.task(name="workers.default.make_audit_partitions")
def make_audit_partitions() -> None:
    """Once an hour: the audit's next months, which are there already but for once a month."""
    done = partitions.make()
    if done.unplaced:
        log.warning("%d events of the audit stand in the default partition.", done.unplaced)
