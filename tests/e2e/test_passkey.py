"""A passkey in a real browser, with Chromium's virtual authenticator: enrolled, and let in by."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dermaclinic.accounts.models import Membership
from tests.accounts.signing_in import told
from tests.e2e.conftest import House, check_axe
from tests.factories import PASSWORD

pytestmark = pytest.mark.e2e

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@contextmanager
def browser_with_authenticator(browser: Browser) -> Iterator[tuple[Page, Any, str]]:
    """A page, the line to its developer tools, and the id of the authenticator in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    tools = context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page, tools, made["authenticatorId"]
    context.close()


def with_password(page: Page, url: str, person: Membership) -> None:
    page.goto(url)
    page.get_by_label("E-mail").fill(person.user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def enrol(page: Page, url: str) -> None:
    page.goto(f"{url}account/second-factors/")
    check_axe(page)
    page.get_by_role("link", name="Add a passkey").click()
    check_axe(page)
    page.get_by_label("Name").fill("Office computer")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(
        10
    )
    check_axe(page)
    page.get_by_role("link", name="I have kept them").click()


def test_a_passkey_is_enrolled_and_opens_the_door_alone(
    browser: Browser, house: House, clinic: Any
) -> None:
    url = house.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name
    doctor = house.people["doctor"]
    with browser_with_authenticator(browser) as (page, tools, authenticator):
        with_password(page, url, doctor)
        expect(page.get_by_role("button", name="Sign out")).to_be_attached()
        enrol(page, url)
        page.get_by_role("button", name="Sign out").click()
        check_axe(page)
        # Alone, without a password.
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_attached()
        expect(page.get_by_text(doctor.user.full_name)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        # As the second factor, after the password.
        with_password(page, url, doctor)
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        check_axe(page)
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_attached()
        page.get_by_role("button", name="Sign out").click()
        # An authenticator that did not see its person does not open the door alone.
        verified = {"authenticatorId": authenticator, "isUserVerified": False}
        tools.send("WebAuthn.setUserVerified", verified)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("The passkey did not answer")).to_be_visible()
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert [each.detail["kind"] for each in told(clinic, "account.factor_added")] == ["webauthn"]
    purposes = [each.detail["for"] for each in told(clinic, "account.factor_used")]
    assert purposes == ["door", "sign-in"]
    entries = [each.detail["how"] for each in told(clinic, "account.signed_in")]
    assert entries == ["password", "webauthn", "password"]
