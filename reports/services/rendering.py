"""PDFs, made by a worker: found across clinics, claimed, rendered, sealed in the vault.

A claim counts an attempt and lasts as long as a rendering may take; a worker that dies leaves it
behind, and the next one tries again when it has lapsed. A result is written by whoever holds the
newest claim, and by nobody else.
"""

import hashlib
import logging
import time
import uuid
from datetime import timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_lazy as _

from dermaclinic import audit, bell
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor, system_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.storage import name_for, vault
from reports import pdf
from reports.models import Report
from reports.services import pictures

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
LEASE = timedelta(minutes=5)  # CELERY_TASK_TIME_LIMIT: by then the renderer has ended
RETRY_AFTER = timedelta(seconds=20)
OWN_TIME = timedelta(minutes=2)  # half of CELERY_TASK_SOFT_TIME_LIMIT: the rest went to others


def render_pending(*, limit: int = 4) -> int:
    """Render up to `limit` waiting reports, as the worker; how many were tried (0: none waited).

    SoftTimeLimitExceeded ends it; the report at hand stays in the queue.
    """
    tried = 0
    for report_id, clinic_id in _waiting(limit):
        report = _claim(clinic_id, report_id)
        if report is not None:
            _render_in_time(report)
            tried += 1
    return tried


def anything_waiting() -> bool:
    """Is a signed report of any clinic waiting for its PDF? For the sweep, as the worker."""
    return bool(_waiting(1))


def retry_rendering(*, actor: Actor, report_id: uuid.UUID) -> Report:
    """Ask once more for a PDF that failed; while it is being made, only ring again."""
    with clinic_context(actor.clinic_id):
        report = policies.find(actor, "add", Report.objects.select_for_update(), pk=report_id)
        if report.pdf_status == Report.Pdf.NONE:
            raise Conflict(_("A draft has no PDF. Sign it first."))
        if report.pdf_status == Report.Pdf.READY:
            raise Conflict(_("The PDF is there already."))
        if report.pdf_status == Report.Pdf.FAILED:
            report.pdf_status = Report.Pdf.PENDING
            report.pdf_error = ""
            report.pdf_attempts = 0
            report.pdf_lease_expires_at = None
            report.save(
                update_fields=["pdf_status", "pdf_error", "pdf_attempts", "pdf_lease_expires_at"]
            )
            audit.asked_to_render_report(actor, report)
        bell.ring(bell.RENDER)
    return report


def _waiting(limit: int) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Ids of waiting reports and their clinics, from a function that tells the worker no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT report_id, clinic_id FROM reports_waiting_for_pdf(%s)", [limit])
        return list(cursor.fetchall())


def _claim(clinic_id: uuid.UUID, report_id: uuid.UUID) -> Report | None:
    """The report under a new claim; None when somebody else has it, or it has failed for good."""
    with clinic_context(clinic_id):
        free = Q(pdf_lease_expires_at=None) | Q(pdf_lease_expires_at__lt=Now())
        report = (
            Report.objects.select_for_update(skip_locked=True)
            .filter(free, pk=report_id, pdf_status=Report.Pdf.PENDING)
            .first()
        )
        if report is None:
            return None
        if report.pdf_attempts >= MAX_ATTEMPTS:
            # Three workers died over it: nobody was left to say why.
            _fail(report, gettext("Making the PDF ended without a result three times."))
            return None
        Report.objects.filter(pk=report_id).update(
            pdf_attempts=F("pdf_attempts") + 1, pdf_lease_expires_at=Now() + LEASE
        )
        report.pdf_attempts += 1
        return report


def _render_in_time(report: Report) -> None:
    """Render; where the task's time is up, count an attempt only against who used it up."""
    began = time.monotonic()
    try:
        _render(report)
    except SoftTimeLimitExceeded:
        if time.monotonic() - began >= OWN_TIME.total_seconds():
            sentence = gettext("Making the PDF took too long. Please try again, or tell support.")
            _record(report, error=sentence, final=False)
        else:
            _give_back(report)
        raise


def _give_back(report: Report) -> None:
    """Undo the claim, if it still holds, as though it had not been made."""
    with clinic_context(report.clinic_id):
        held = Report.objects.filter(
            pk=report.pk, pdf_status=Report.Pdf.PENDING, pdf_attempts=report.pdf_attempts
        )
        held.update(pdf_attempts=F("pdf_attempts") - 1, pdf_lease_expires_at=None)


def _render(report: Report) -> None:
    try:
        with clinic_context(report.clinic_id):
            shown = pictures.of(report)
        data = pdf.render(
            report.content or {},
            shown,
            content_sha256=report.content_sha256,
            signing_event=report.signing_event or 0,
        )
        digest = hashlib.sha256(data).hexdigest()
        name = name_for(report.clinic_id, report.patient_id, digest)
        vault().put(name, data)
    except SoftTimeLimitExceeded:
        raise
    except pdf.CannotRender as error:
        _record(report, error=str(error), final=True)
    except Exception as error:
        log.exception("Report %s could not be rendered.", report.pk)
        sentence = gettext(
            "The PDF could not be made (%(why)s). Please try again, or tell support."
        )
        _record(report, error=sentence % {"why": type(error).__name__}, final=False)
    else:
        _record(report, name=name)


def _record(report: Report, *, name: str = "", error: str = "", final: bool = False) -> None:
    """Write the outcome, if the claim still holds."""
    with clinic_context(report.clinic_id):
        held = (
            Report.objects.select_for_update()
            .filter(pk=report.pk, pdf_status=Report.Pdf.PENDING, pdf_attempts=report.pdf_attempts)
            .first()
        )
        if held is None:
            return
        if name:
            held.pdf_status = Report.Pdf.READY
            held.pdf_name = name
            held.pdf_error = ""
            held.pdf_lease_expires_at = None
            held.save(update_fields=_FIELDS)
            audit.rendered_report(_actor(held), held)
        elif final or held.pdf_attempts >= MAX_ATTEMPTS:
            _fail(held, error)
        else:
            held.pdf_error = error
            held.save(update_fields=["pdf_error"])
            Report.objects.filter(pk=held.pk).update(pdf_lease_expires_at=Now() + RETRY_AFTER)


_FIELDS = ["pdf_status", "pdf_name", "pdf_error", "pdf_lease_expires_at"]


def _fail(report: Report, why: str) -> None:
    report.pdf_status = Report.Pdf.FAILED
    report.pdf_error = why
    report.pdf_lease_expires_at = None
    report.save(update_fields=_FIELDS)
    audit.rendered_report(_actor(report), report, failed=True)


def _actor(report: Report) -> Actor:
    return system_actor(report.clinic_id, task=bell.RENDER)
