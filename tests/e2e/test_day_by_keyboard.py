"""A technician's, a doctor's and an administrator's day without a mouse.

Nothing is clicked: the focus travels by Tab, as far as one would go with it, and by the keys that
pages offer. The same day by mouse is test_first_day.py.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dermaclinic.accounts.actor import member_actor
from reports.services import phrases
from tests.e2e.conftest import House
from tests.e2e.test_first_day import SECOND, photograph as photograph, signed_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.e2e

FARTHEST = 70  # times Tab, from one thing to the next


def to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Travel with the focus until it stands on the target; it must be seen to stand there."""
    expect(target).to_be_visible()
    for _ in range(FARTHEST):
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => element.matches(':focus-visible')")
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached with {FARTHEST} times {key}")


def press(page: Page, target: Locator) -> None:
    to(page, target)
    page.keyboard.press("Enter")


def typed(page: Page, label: str | re.Pattern[str], text: str) -> None:
    to(page, page.get_by_label(label).first)
    page.keyboard.type(text)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name).first


def test_a_day_without_a_mouse(browser: Browser, house: House, photograph: Path) -> None:
    phrases.start(actor=member_actor(house.people["doctor"]))
    with signed_in(browser, house, "technician") as page:
        register(page)
        photograph_by_number(page, photograph)
        sign_out(page)
    with signed_in(browser, house, "doctor") as page:
        read(page)
        sign(page)
    with signed_in(browser, house, "administrator") as page:
        look_up(page)
        invite(page)


def register(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/patients/")
    page.locator("main").focus()
    press(page, page.locator("main").get_by_role("link", name=re.compile("Register")).first)
    typed(page, "Medical record number", "KEY-1")
    to(page, page.get_by_label("Family name"), "Shift+Tab" if _before(page) else "Tab")
    page.keyboard.type("Musterfrau")
    typed(page, "Given name", "Erika")
    typed(page, "Birth date", "08121964")
    to(page, page.get_by_label("Sex"))
    page.keyboard.type("f")
    press(page, button(page, "Register"))
    expect(page.get_by_text("No consent to photographs yet")).to_be_visible()
    for group in page.locator("#consents fieldset").all():
        to(page, group.get_by_role("radio").first)
        page.keyboard.press("Space")
    press(page, button(page, "Record consents"))
    expect(page.get_by_text("No consent to photographs yet")).to_have_count(0)
    to(page, page.get_by_label("Body site"))
    page.keyboard.type("Back")
    press(page, button(page, "Add lesion"))
    expect(page.get_by_role("rowheader", name="Back")).to_be_visible()


def _before(page: Page) -> bool:
    """Does the family name stand before the field that has the focus?"""
    name = page.get_by_label("Family name")
    return bool(
        name.evaluate("field => Boolean(field.compareDocumentPosition(document.activeElement) & 4)")
    )


def photograph_by_number(page: Page, photograph: Path) -> None:
    """As a scanner types it: the record number and Enter."""
    page.locator("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_label("Medical record number")).to_be_focused()
    page.keyboard.type("KEY-1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/imaging/visits/"))
    # What the system's own dialog gives back; its button is reached like any other.
    page.locator("#files").set_input_files(photograph)
    item = page.locator("#tray-items li").first
    expect(item).to_be_visible(timeout=30 * SECOND)
    to(page, item.locator("[tabindex='0'], input, button").first)
    page.keyboard.press("Space")
    page.keyboard.press("1")
    urgency = page.locator(".tile .brief").get_by_text(re.compile("^(Urgent|Routine)$"))
    expect(urgency).to_be_visible(timeout=90 * SECOND)


def sign_out(page: Page) -> None:
    page.locator(".skip-link").focus()
    press(page, button(page, "Sign out"))
    expect(page.get_by_label("Password", exact=True)).to_be_visible()


def read(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/reports/")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.get_by_text("Yours until").first).to_be_visible()
    page.keyboard.press("o")
    page.wait_for_url(re.compile("/reports/visits/"))
    expect(page.get_by_label("Differential")).to_have_count(0)
    page.keyboard.press("p")
    page.keyboard.type("nv")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Filled in, not recorded yet:")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Differential").locator("progress")).to_have_count(7)
    page.wait_for_load_state()
    # Taken back and recorded once more: an undo is a key, too.
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Record the assessment")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("p")
    page.keyboard.type("nv")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Filled in, not recorded yet:")).to_be_visible()
    reason = page.get_by_label("Reason for departing")
    if reason.count() and reason.first.is_visible():
        to(page, reason.first, "Shift+Tab")
        page.keyboard.type("Regular network, symmetrical.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Compose the report")).to_be_visible()
    page.wait_for_load_state()


def sign(page: Page) -> None:
    page.locator("main").focus()
    page.keyboard.press("s")
    page.wait_for_url("**/reports/session/")
    page.keyboard.press("s")
    expect(page.get_by_label("Your password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 report is signed.")).to_be_visible()


def look_up(page: Page) -> None:
    """Who looked at this record?"""
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    typed(page, "Patient", "KEY-1")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("KEY-1")


def invite(page: Page) -> None:
    page.locator(".skip-link").focus()
    press(page, page.get_by_role("link", name="Members"))
    typed(page, "E-mail", "locum@clinic.example")
    to(page, page.get_by_label("Role"))
    page.keyboard.type("d")
    press(page, button(page, "Invite"))
    expect(page.get_by_text("locum@clinic.example is invited")).to_be_visible()
