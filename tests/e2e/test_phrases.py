"""Typing a phrase in a review, and closing the session with one signature, by keyboard alone."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from reports.models import Assessment, Report
from reports.services import phrases
from tests import factories
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, fits, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]


@pytest.fixture
def page(browser: Browser, doctor: Any) -> Any:
    scenes.model()
    phrases.add(
        actor=doctor, abbreviation="sk", diagnoses=[scenes.KERATOSIS], management="discharge",
        sentence="Seborrheic keratosis: harmless.",
    )  # fmt: skip
    phrases.add(
        actor=doctor, abbreviation="dn", diagnoses=[scenes.DYSPLASTIC, scenes.NEVUS],
        management="monitor", months=3,
    )  # fmt: skip
    made = opened(browser, signed_in(doctor))
    yield made
    made.context.close()


def review(page: Page, doctor: Any, *, lesions: int = 1) -> Any:
    study, _lesions, _pictures = scenes.visit(doctor, lesions=lesions)
    page.goto(ORIGIN + reverse("reports:review", args=[study.pk]))
    return study


def filled(page: Page) -> dict[str, str]:
    """What the first form holds."""
    found: dict[str, str] = page.locator("form[data-assess]").first.evaluate(
        "form => Object.fromEntries(new FormData(form))"
    )
    return found


def test_sk_and_enter_fill_in_and_record_nothing(page: Page, doctor: Any) -> None:
    review(page, doctor)
    page.keyboard.press("p")
    phrase = page.locator("[data-phrase]")
    expect(phrase).to_be_focused()
    page.keyboard.type("SK")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Filled in, not recorded yet:")).to_be_visible()
    said = filled(page)
    assert said["diagnosis_1"] == scenes.KERATOSIS
    assert said["management"] == "discharge"
    assert said["comment"] == "Seborrheic keratosis: harmless."
    assert scenes.count(doctor, Assessment) == 0
    expect(page.get_by_role("button", name="Record the assessment")).to_be_focused()
    check_axe(page)


def test_another_phrase_takes_its_place_and_undo_brings_back_what_was_there(
    page: Page, doctor: Any
) -> None:
    review(page, doctor)
    page.get_by_label("Refer").check()
    phrase = page.locator("[data-phrase]")
    for typed in ("sk", "dn"):
        phrase.fill(typed)
        phrase.press("Enter")
    expect(page.get_by_label("Next image until")).not_to_have_value("")
    said = filled(page)
    assert (said["diagnosis_1"], said["diagnosis_2"]) == (scenes.DYSPLASTIC, scenes.NEVUS)
    assert said["comment"] == "", "the sentence of the phrase before gives way"
    undo = page.locator("[data-phrase-undo]")
    undo.click()
    expect(page.get_by_label("Discharge")).to_be_checked()
    undo.click()
    expect(undo).to_be_hidden()
    expect(page.get_by_label("Refer")).to_be_checked()
    said = filled(page)
    assert (said["diagnosis_1"], said["due"], said["management"]) == ("", "", "refer")


def test_what_the_doctor_wrote_stays(page: Page, doctor: Any) -> None:
    review(page, doctor)
    page.locator("form[data-assess] details").evaluate("details => (details.open = true)")
    page.get_by_label("Comment for the report").fill("Seen with the father.")
    phrase = page.locator("[data-phrase]")
    for typed, kept in (
        ("sk", "Seen with the father.\nSeborrheic keratosis: harmless."),
        ("dn", "Seen with the father."),
    ):
        phrase.fill(typed)
        phrase.press("Enter")
        expect(page.get_by_label("Comment for the report")).to_have_value(kept)


def test_what_is_no_phrase_is_said(page: Page, doctor: Any) -> None:
    review(page, doctor)
    phrase = page.locator("[data-phrase]")
    phrase.fill("zz")
    phrase.press("Enter")
    expect(page.get_by_text("“zz” is no phrase of this clinic.")).to_be_visible()
    assert filled(page)["diagnosis_1"] == ""
    expect(phrase).to_be_focused()


def test_a_session_is_signed_without_a_mouse(page: Page, doctor: Any) -> None:
    for _ in range(2):
        study, [lesion], _pictures = scenes.visit(doctor)
        scenes.assess(doctor, study, lesion)
    page.goto(ORIGIN + "/reports/")
    page.keyboard.press("s")
    page.wait_for_url("**/reports/session/")
    assert scenes.count(doctor, Report) == 0, "a key leads to signing and signs nothing"
    check_axe(page)
    assert fits(page)
    page.keyboard.press("s")
    expect(page.get_by_label("Your password")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter your password to sign.").first).to_be_visible()
    assert scenes.count(doctor, Report) == 0
    page.get_by_label("Your password").fill(factories.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 reports are signed.")).to_be_visible()
    assert scenes.count(doctor, Report, status="signed") == 2
    expect(page.get_by_text("Nothing waits for your signature.")).to_be_visible()
