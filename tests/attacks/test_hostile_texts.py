"""Markup, templates and formulas in every text: shown as text on pages, in PDFs and in CSV."""

import csv
import io
from typing import Any

import pytest
from django.template.loader import render_to_string

from dermaclinic import csv_safe
from dermaclinic.accounts.tenancy import clinic_context
from reports import pdf
from reports.models import Report
from tests.attacks.conftest import FORMULA, HOSTILE, MARK
from tests.edge.test_headers import inline
from tests.permissions.expected import ROWS
from tests.permissions.matrix import Matrix, rolled_back

pytestmark = pytest.mark.django_db  # inside of the scene's transaction
LIVE = (f"<script>{MARK}", f"onerror={MARK}()>", f"<img src=x onerror={MARK}")
MEMBERS = ("technician", "doctor", "administrator")


def test_pages_show_it_as_text(hostile: Matrix) -> None:
    alive, shown = [], 0
    for row in ROWS:
        for caller in MEMBERS:
            for method in ("GET", "POST"):
                if not row.answers.get(method):
                    continue
                with rolled_back():
                    response, _said = hostile.ask(row, method, caller)
                if not response.headers.get("Content-Type", "").startswith("text/html"):
                    continue
                page = response.content.decode()
                shown += MARK in page
                alive += [
                    f"{method} {row.route} by {caller}: {each}"
                    for each in [*(live for live in LIVE if live in page), *inline(page)]
                ]
    assert not alive, "\n".join(alive[:20])
    assert shown > 20, "the texts were on hardly any page"


def test_templates_in_texts_are_not_run(hostile: Matrix) -> None:
    row = next(each for each in ROWS if each.route == "patients/<uuid:patient_id>/")
    response, _said = hostile.ask(row, "GET", "doctor")
    page = response.content.decode()
    assert "{{7*7}}" in page
    assert "49" not in page.partition("<h1")[2].partition("</h1>")[0]


def test_json_is_never_taken_for_a_page(hostile: Matrix) -> None:
    for row in ROWS:
        if not row.route.startswith("api/v1/") or "GET" not in row.answers:
            continue
        response, _said = hostile.ask(row, "GET", "doctor")
        assert not response.headers["Content-Type"].startswith("text/html"), row.route
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_headers_take_no_text_from_people(hostile: Matrix) -> None:
    for row in ROWS:
        if "GET" not in row.answers:
            continue
        response, _said = hostile.ask(row, "GET", "doctor")
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        assert MARK not in headers, row.route
        assert "\r" not in headers


def test_a_report_prints_it_as_text(hostile: Matrix) -> None:
    scene = hostile.scene
    with clinic_context(scene.clinic.pk):
        report = Report.objects.get(pk=scene.signed)
    page = pdf.page(report.content or {}, {}, content_sha256="0" * 64, signing_event=1)
    assert MARK in page
    assert not any(live in page for live in LIVE)


def test_no_csv_of_ours_holds_a_formula(hostile: Matrix) -> None:
    """Whatever the product hands out as CSV, read as a spreadsheet would read it."""
    tables = 0
    for row in ROWS:
        for method in ("GET", "POST"):
            if not row.answers.get(method):
                continue
            with rolled_back():
                response, _said = hostile.ask(row, method, "administrator")
                if not response.headers.get("Content-Type", "").startswith("text/csv"):
                    continue
                content = b"".join(response) if response.streaming else response.content
            tables += 1
            for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))):
                assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert csv_safe.cell(FORMULA).startswith("'=")
    assert tables > 0, "nothing was handed out as CSV"


def test_a_template_of_ours_escapes_by_itself() -> None:
    page = render_to_string("errors/stopped.html", {"title": HOSTILE, "text": HOSTILE})
    assert not any(live in page for live in LIVE)


def test_the_attack_would_be_seen() -> None:
    found: Any = inline(f"<p>{HOSTILE}</p>")
    assert len(found) == 2
