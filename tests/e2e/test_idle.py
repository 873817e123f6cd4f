"""A pause at the screen, by the browser's clock: the warning, the cover, and what was typed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from dermaclinic.accounts.models import Membership
from tests import factories
from tests.e2e.conftest import House, check_axe

pytestmark = pytest.mark.e2e

MINUTE = 60_000  # milliseconds
TYPED = "Unsaved-Musterfrau"


@pytest.fixture
def tab(browser: Browser, house: House) -> Iterator[Page]:
    """One browser's tab, whose clock the test turns."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.clock.install()
    yield page
    context.close()


def sign_in(page: Page, member: Membership) -> None:
    page.get_by_label("E-mail").fill(member.user.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_attached()


def type_and_pause(page: Page, house: House) -> None:
    """A name half registered, and nobody at the screen for a quarter of an hour."""
    page.goto(f"{house.url}patients/register/")
    page.get_by_label("Family name").fill(TYPED)
    page.clock.fast_forward(15 * MINUTE)
    expect(page.get_by_label("E-mail")).to_be_visible()


def test_a_warning_comes_first_and_one_may_stay(tab: Page, house: House) -> None:
    tab.goto(house.url)
    sign_in(tab, house.people["technician"])
    tab.goto(f"{house.url}patients/register/")
    warning = tab.get_by_role("dialog", name="Are you still there?")
    tab.clock.fast_forward(14 * MINUTE - 5000)
    expect(warning).to_be_hidden()
    tab.clock.fast_forward(10_000)
    expect(warning).to_be_visible()
    check_axe(tab)
    tab.get_by_role("button", name="Stay signed in").click()
    expect(warning).to_be_hidden()
    tab.clock.fast_forward(13 * MINUTE)
    expect(warning).to_be_hidden()
    expect(tab.get_by_label("Family name")).to_be_visible()


def test_what_was_typed_comes_back_to_the_same_person(tab: Page, house: House) -> None:
    tab.goto(house.url)
    sign_in(tab, house.people["technician"])
    type_and_pause(tab, house)
    assert TYPED not in tab.content()
    expect(tab.get_by_text("You were signed out after a pause.")).to_be_visible()
    sign_in(tab, house.people["technician"])
    expect(tab.get_by_label("Family name")).to_have_value(TYPED)
    expect(tab.get_by_text("What you had entered is back.")).to_be_visible()
    tab.reload()
    expect(tab.get_by_label("Family name")).to_have_value("")


def test_nobody_else_finds_it(tab: Page, house: House) -> None:
    other = factories.membership(house.people["technician"].clinic, "technician")
    tab.goto(house.url)
    sign_in(tab, house.people["technician"])
    type_and_pause(tab, house)
    sign_in(tab, other)
    expect(tab.get_by_label("Family name")).to_have_value("")
    assert TYPED not in tab.evaluate("JSON.stringify(sessionStorage)")
    tab.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(tab, house.people["technician"])
    tab.goto(f"{house.url}patients/register/")
    expect(tab.get_by_label("Family name")).to_have_value("")


def test_the_page_is_covered_even_when_the_server_is_away(tab: Page, house: House) -> None:
    tab.goto(house.url)
    sign_in(tab, house.people["technician"])
    tab.goto(f"{house.url}patients/register/")
    tab.get_by_label("Family name").fill(TYPED)
    tab.route("**/account/idled-out/", lambda route: route.abort())
    tab.route("**/sign-in/**", lambda route: route.fulfill(status=204))  # the page stays
    tab.clock.fast_forward(15 * MINUTE)
    expect(tab.get_by_text("Signed out after a pause")).to_be_visible()
    expect(tab.get_by_label("Family name")).to_be_hidden()
