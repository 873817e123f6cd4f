"""Contact data on the pages: typed in, shown on the record, found by the whole number."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import check_axe
from tests.pages import conftest as pages

pytestmark = pytest.mark.e2e

GIVEN = {
    "Family name": "Musterfrau",
    "Given name": "Erika",
    "Birth date": "1964-08-12",
    "Medical record number (MRN)": "M-4711",
    "Phone": "+44 20 7946 0018",
    "E-mail": "erika@post.example",
    "Postal address": "Example Lane 5\nSampletown",
}


@pytest.mark.parametrize("width", [390, 1440])
def test_a_patient_with_contact_data(
    transactional_db: None, live_server: Any, technician: Any, browser: Browser, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    session = pages.browser(technician).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/patients/register/")
    for label, value in GIVEN.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Sex").select_option("female")
    page.get_by_label("Kind of identifier").select_option("nhs")
    page.get_by_label("National identifier").fill("943 476 5918")
    page.get_by_role("button", name="Register").click()
    assert page.get_by_text("Please check the number").first.is_visible()
    check_axe(page)
    page.get_by_label("National identifier").fill("943 476 5919")
    page.get_by_role("button", name="Register").click()
    contact = page.get_by_role("region", name="Contact")
    for shown in ("943 476 5919", "NHS number", "+44 20 7946 0018", "Sampletown"):
        assert contact.get_by_text(shown).is_visible()
    check_axe(page)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Phone").fill("112 000")
    page.get_by_role("button", name="Store changes").click()
    page.get_by_role("link", name="Edit").click()
    assert page.get_by_text("+44 20 7946 0018").is_visible(), "the former number is in the history"
    check_axe(page)
    page.goto(f"{live_server.url}/patients/")
    page.get_by_label("Find a patient").first.fill("9434765919")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_text("Musterfrau, Erika").first.is_visible()
    context.close()
