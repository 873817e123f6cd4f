"""PDFs made by the worker: found, claimed, sealed, tried again, given up, asked for again."""

import io
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from pypdf import PdfReader

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Forbidden
from imaging.services import move_instance
from imaging.storage import vault
from reports import pdf
from reports.models import Report
from reports.selectors import report_pdf, stored_names
from reports.services import rendering
from tests import factories
from tests.database import acting_as
from tests.opinions import as_worker
from tests.reports import scenes


def render() -> int:
    with as_worker():
        return rendering.render_pending()


def set_pdf(actor: Any, report: Report, **values: Any) -> None:
    with clinic_context(actor.clinic_id), acting_as("worker"):
        Report.objects.filter(pk=report.pk).update(**values)


def break_pdf(monkeypatch: Any, error: Exception) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise error

    monkeypatch.setattr(pdf, "render", broken)


def test_the_worker_renders_the_reports_of_every_clinic(doctor: Any, stranger: Any) -> None:
    made = [(doctor, scenes.signed(doctor)[0]), (stranger, scenes.signed(stranger)[0])]
    with as_worker():
        assert rendering.anything_waiting()
    assert render() == 2
    with as_worker():
        assert not rendering.anything_waiting()
    assert render() == 0
    for actor, report in made:
        kept = scenes.stored(actor, report)
        assert (kept.pdf_status, kept.pdf_error, kept.pdf_attempts) == ("ready", "", 1)
        assert kept.pdf_lease_expires_at is None
        data = report_pdf(actor, report.pk)
        assert data.startswith(b"%PDF-1.7")
        assert data == vault().get(kept.pdf_name)
        assert f"Dermoscopy report {kept}" == PdfReader(io.BytesIO(data)).metadata.title
        assert scenes.events(actor, "report.rendered", outcome="success") == 1
        assert scenes.events(actor, "report.viewed", detail__form="pdf") == 1
        with clinic_context(actor.clinic_id):
            assert stored_names() == {kept.pdf_name}


def test_the_worker_learns_which_wait_and_nothing_else(doctor: Any) -> None:
    scenes.signed(doctor)
    with as_worker(), transaction.atomic():
        connection.execute_wrappers, guards = [], connection.execute_wrappers
        try:
            assert Report.objects.count() == 0, "row-level security, without a clinic's context"
        finally:
            connection.execute_wrappers = guards
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rendering.anything_waiting()  # as web


def test_a_picture_that_was_moved_after_signing_is_left_out(doctor: Any) -> None:
    report, _study, _lesion, image = scenes.signed(doctor)
    elsewhere = factories.study(doctor, factories.patient(doctor))
    move_instance(actor=doctor, instance_id=image.pk, study_id=elsewhere.pk, reason="Misfiled.")
    assert render() == 1
    pages = PdfReader(io.BytesIO(report_pdf(doctor, report.pk))).pages
    assert [len(page.images) for page in pages] == [0, 0]
    assert "moved to another record" in pages[1].extract_text().replace("\n", " ")


def test_a_worker_that_died_is_followed_by_another(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    set_pdf(doctor, report, pdf_attempts=1, pdf_lease_expires_at=Now() + timedelta(minutes=1))
    assert render() == 0, "somebody else is at it"
    set_pdf(doctor, report, pdf_lease_expires_at=Now() - timedelta(seconds=1))
    assert render() == 1
    assert scenes.stored(doctor, report).pdf_status == "ready"


def test_after_three_deaths_somebody_is_told(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    set_pdf(doctor, report, pdf_attempts=3, pdf_lease_expires_at=Now() - timedelta(seconds=1))
    assert render() == 0
    kept = scenes.stored(doctor, report)
    assert (kept.pdf_status, kept.pdf_name) == ("failed", "")
    assert "three times" in kept.pdf_error
    assert scenes.events(doctor, "report.rendered", outcome="failure") == 1


def test_a_failing_rendering_is_tried_three_times(doctor: Any, monkeypatch: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    break_pdf(monkeypatch, MemoryError("no memory for patient Musterfrau"))
    for attempt in (1, 2, 3):
        assert render() == 1
        kept = scenes.stored(doctor, report)
        assert kept.pdf_attempts == attempt
        assert kept.pdf_status == ("failed" if attempt == 3 else "pending")
        assert render() == 0, "not at once again"
        set_pdf(doctor, report, pdf_lease_expires_at=None)
    kept = scenes.stored(doctor, report)
    assert "MemoryError" in kept.pdf_error
    assert "Musterfrau" not in kept.pdf_error
    with pytest.raises(Conflict, match="MemoryError"):
        report_pdf(doctor, report.pk)


def test_what_another_try_cannot_mend_fails_at_once_and_can_be_asked_again(
    technician: Any, doctor: Any, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    report, *_rest = scenes.signed(doctor)
    with monkeypatch.context() as broken:
        break_pdf(broken, pdf.CannotRender("Pango is missing."))
        assert render() == 1
    assert scenes.stored(doctor, report).pdf_error == "Pango is missing."
    with pytest.raises(Forbidden):
        rendering.retry_rendering(actor=technician, report_id=report.pk)
    assert scenes.stored(doctor, report).pdf_status == "failed"
    with django_capture_on_commit_callbacks() as bells:
        rendering.retry_rendering(actor=doctor, report_id=report.pk)
        rendering.retry_rendering(actor=doctor, report_id=report.pk)
    assert len(bells) == 2
    assert scenes.events(doctor, "report.rendering_asked") == 1
    assert render() == 1
    assert scenes.stored(doctor, report).pdf_status == "ready"
    with pytest.raises(Conflict):
        rendering.retry_rendering(actor=doctor, report_id=report.pk)


def test_a_draft_is_not_rendered(doctor: Any) -> None:
    draft, *_rest = scenes.draft(doctor)
    with pytest.raises(Conflict):
        rendering.retry_rendering(actor=doctor, report_id=draft.pk)
    assert render() == 0
    assert scenes.stored(doctor, draft).pdf_status == "none"


def test_whoever_lost_the_claim_writes_nothing(doctor: Any, monkeypatch: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    honest = pdf.render

    def slow(*args: Any, **options: Any) -> bytes:
        set_pdf(doctor, report, pdf_attempts=2)  # meanwhile somebody else has claimed it
        return honest(*args, **options)

    monkeypatch.setattr(pdf, "render", slow)
    render()
    kept = scenes.stored(doctor, report)
    assert (kept.pdf_status, kept.pdf_name, kept.pdf_attempts) == ("pending", "", 2)
    assert scenes.events(doctor, "report.rendered") == 0


def test_a_report_that_others_left_no_time_has_not_failed(doctor: Any, monkeypatch: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    with monkeypatch.context() as late:
        break_pdf(late, SoftTimeLimitExceeded())
        for _task in range(4):
            with pytest.raises(SoftTimeLimitExceeded):
                render()
    kept = scenes.stored(doctor, report)
    assert (kept.pdf_status, kept.pdf_attempts, kept.pdf_error) == ("pending", 0, "")
    assert kept.pdf_lease_expires_at is None
    assert render() == 1
    assert scenes.stored(doctor, report).pdf_status == "ready"


def test_a_report_that_used_the_time_up_itself_has(doctor: Any, monkeypatch: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    monkeypatch.setattr(rendering, "OWN_TIME", timedelta(0))
    break_pdf(monkeypatch, SoftTimeLimitExceeded())
    for attempt in (1, 2, 3):
        with pytest.raises(SoftTimeLimitExceeded):
            render()
        kept = scenes.stored(doctor, report)
        assert (kept.pdf_attempts, kept.pdf_lease_expires_at is None) == (attempt, attempt == 3)
        set_pdf(doctor, report, pdf_lease_expires_at=None)
    assert kept.pdf_status == "failed"
    assert "too long" in kept.pdf_error
    assert scenes.events(doctor, "report.rendered", outcome="failure") == 1
