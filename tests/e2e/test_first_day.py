"""A clinic's first day in a real browser: from a patient's registration to the audit of it all."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from dermaclinic.accounts.tenancy import acting_as
from dermaclinic.audit.verify import verify
from tests.e2e.conftest import House, check_axe
from tests.factories import PASSWORD
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

SECOND = 1000  # milliseconds


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A drawn nevus, sharp and well lit."""
    lesion = Lesion(Kind.NEVUS_RETICULAR, seed=4)
    drawing = draw(Spec(SkinTone.TYPE_II, lesion, Capture.plain()), seed=4)
    path = tmp_path / "lesion.jpg"
    path.write_bytes(drawing.as_jpeg())
    return path


@contextmanager
def signed_in(browser: Browser, house: House, role: str) -> Iterator[Page]:
    """A page of this person's own browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.extend([said.text] * (said.type == "error")))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(house.url)
    check_axe(page)
    page.get_by_label("E-mail").fill(house.people[role].user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_attached()
    yield page
    # Chromium itself reports every answer of 400 and above; the refusals here are meant.
    assert [each for each in complaints if "Failed to load resource" not in each] == []
    context.close()


def test_a_first_day(browser: Browser, house: House, photograph: Path) -> None:
    with signed_in(browser, house, "technician") as page:
        register(page)
        photograph_lesion(page, photograph)
    with signed_in(browser, house, "doctor") as page:
        assess(page)
        reader = sign_and_download(page)
    text = "\n".join(each.extract_text() for each in reader.pages)
    assert "Musterfrau" in text
    assert "Melanocytic nevus" in text
    with signed_in(browser, house, "administrator") as page:
        audit(page)
    with acting_as("sealer"):
        wait_until(lambda: verify().unsealed == 0, what="the sealer's work")
        call_command("verify_audit")


def register(page: Page) -> None:
    page.get_by_role("link", name="Register").first.click()
    check_axe(page)
    page.get_by_label("Family name").fill("Musterfrau")
    page.get_by_label("Given name").fill("Erika")
    page.get_by_label("Birth date").fill("1964-08-12")
    page.get_by_label("Sex").select_option("female")
    page.get_by_label("Medical record number").fill("E2E-1")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("No consent to photographs yet")).to_be_visible()
    for group in page.locator("#consents fieldset").all():
        group.get_by_label("Yes").check()
    page.get_by_role("button", name="Record consents").click()
    expect(page.get_by_text("No consent to photographs yet")).to_have_count(0)
    page.get_by_label("Body site").select_option("back")
    page.get_by_role("button", name="Add lesion").click()
    expect(page.get_by_role("rowheader", name="Back")).to_be_visible()
    check_axe(page)


def photograph_lesion(page: Page, photograph: Path) -> None:
    page.get_by_role("button", name="Start a visit now").click()
    page.get_by_label("These images show").select_option(index=1)
    no_image = photograph.with_name("page.jpg")
    no_image.write_bytes(b"<html></html>")
    page.locator("#files").set_input_files([photograph, no_image])
    uploads = page.get_by_role("list", name="Uploads")
    expect(uploads.get_by_text("stored", exact=True)).to_be_visible(timeout=15 * SECOND)
    expect(page.get_by_role("heading", name="Refused files")).to_be_visible()
    # The opinion arrives on the open page, without a reload.
    urgency = page.locator(".tile .brief").get_by_text(re.compile("^(Urgent|Routine)$"))
    expect(urgency).to_be_visible(timeout=60 * SECOND)
    check_axe(page)


def assess(page: Page) -> None:
    page.get_by_role("link", name="Worklist").click()
    check_axe(page)
    page.locator("main").get_by_role("link", name="Musterfrau").first.click()
    # Blinded first: nothing of the opinion but urgent or routine, until the doctor has spoken.
    expect(page.get_by_text("First your own diagnosis")).to_be_visible()
    expect(page.get_by_label("Differential")).to_have_count(0)
    check_axe(page)
    form = page.locator("form[data-assess]").first
    form.locator("select").first.select_option(label="Melanocytic nevus of skin", force=True)
    form.get_by_label("Discharge").check()
    form.get_by_role("button", name="Record the assessment").click()
    expect(page.get_by_label("Differential").locator("progress")).to_have_count(7)
    keep = page.get_by_label("Why your diagnosis holds")
    if keep.count():  # what the network makes of the photograph is its own affair
        keep.fill("Regular network, symmetrical.")
        page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Heat map").first.click()
    expect(page.locator("[data-overlay]").first).to_be_attached()
    check_axe(page)
    expect(page.get_by_role("button", name="Compose the report")).to_be_visible()


def sign_and_download(page: Page) -> PdfReader:
    page.get_by_role("button", name="Compose the report").click()
    check_axe(page)
    page.get_by_label("Your password").fill("not the password")
    page.get_by_role("button", name="Sign the report").click()
    expect(page.get_by_text("Nothing has been signed.")).to_be_visible()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign the report").click()
    link = page.get_by_role("link", name="Download the PDF")
    expect(link).to_be_visible(timeout=60 * SECOND)
    check_axe(page)
    answer = page.request.get(page.url.rstrip("/") + "/pdf/")
    assert answer.headers["content-type"] == "application/pdf"
    assert "private" in answer.headers["cache-control"]
    return PdfReader(io.BytesIO(answer.body()))


def audit(page: Page) -> None:
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    table = page.get_by_role("table")
    expect(table).to_contain_text("signed")
    check_axe(page)
