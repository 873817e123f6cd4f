"""A doctor merges two records by keyboard and parts them again by mouse."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dermaclinic.accounts.tenancy import clinic_context
from patients.models import Merge, MergeUndo, Patient
from tests import factories
from tests.e2e.conftest import check_axe
from tests.pages import conftest as pages
from tests.reports import scenes

pytestmark = pytest.mark.e2e
PERSON = {"family_name": "Lindqvist", "given_name": "Maria"}
# What the focused link, button or choice is called.
FOCUSED = """() => {
  const at = document.activeElement;
  return at.matches("a, button, input, textarea") ? (at.labels?.[0] ?? at).textContent : "";
}"""


@pytest.fixture(params=[(320, "dark"), (1440, "light")], ids=["narrow", "wide"])
def page(
    request: Any, transactional_db: None, live_server: Any, doctor: Any, browser: Browser
) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=live_server.url
    )
    session = pages.browser(doctor).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    made = context.new_page()
    made.set_default_timeout(15_000)
    yield made
    context.close()


def check(page: Page) -> None:
    """Nothing for axe to find, and nothing that goes beyond the screen's width."""
    check_axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def press_to(page: Page, name: str, key: str = "Enter") -> None:
    """Reach a link, button or choice with Tab alone, and press a key there."""
    for _step in range(200):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if name in focused:
            page.keyboard.press(key)
            return
    raise AssertionError(f"{name} is not reached by keyboard")


def test_there_by_keyboard_and_back_by_mouse(page: Page, doctor: Any) -> None:
    survivor = factories.patient(doctor, mrn="M-1", phone="112 001", **PERSON)
    other = factories.patient(
        doctor, mrn="M-2", phone="112 002", consent=False, birth_date="1971-02-03", **PERSON
    )
    lesion = factories.lesion(doctor, other)
    scenes.image(doctor, factories.study(doctor, survivor))
    page.goto(f"/patients/{survivor.pk}/")
    press_to(page, "This person has a second record")
    page.get_by_role("heading", name="Has this person a second record?").wait_for()
    check(page)
    press_to(page, "Compare")
    page.get_by_role("heading", name="Are these two records of one person?").wait_for()
    expect(page.get_by_text("Make sure that this is one person")).to_be_visible()
    check(page)
    # The phone of the second record: on its group of choices, an arrow chooses.
    press_to(page, "112 001", "ArrowDown")
    expect(page.get_by_label("112 002")).to_be_checked()
    press_to(page, "Reason", "R")
    page.keyboard.type("egistered twice")
    press_to(page, "Make one record of the two")
    expect(page.get_by_text("The two records are one now.")).to_be_visible()
    expect(page.get_by_text("112 002")).to_be_visible()
    check(page)
    with clinic_context(doctor.clinic_id):
        assert Merge.objects.get().reason == "Registered twice"
        assert Patient.objects.get(pk=other.pk).merged_into_id == survivor.pk
    page.goto(f"/patients/{other.pk}/")
    expect(page.get_by_role("heading", name="has been merged into another one")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Open the record that it was merged into").click()
    page.get_by_role("link", name="Undo the merge of record M-2").click()
    expect(page.get_by_text("1 lesion")).to_be_visible()
    check(page)
    page.get_by_label("Reason").fill("Two people with one name")
    page.get_by_role("button", name="Make two records again").click()
    expect(page.get_by_text("The merge is undone")).to_be_visible()
    expect(page.get_by_text("112 001")).to_be_visible()
    with clinic_context(doctor.clinic_id):
        assert MergeUndo.objects.get().reason == "Two people with one name"
        lesion.refresh_from_db()
        assert lesion.patient_id == other.pk
