"""What was typed in one form of a review stays when another form of the page is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Locator, Page, expect

from dermaclinic.accounts.tenancy import clinic_context
from patients.models import Lesion
from reports.models import Assessment, Claim
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]
BACK = "What you had entered is back. It is not stored yet."
KEPT = "JSON.stringify(sessionStorage)"


@pytest.fixture
def scene(browser: Browser, doctor: Any) -> Iterator[Any]:
    """The review of a visit with two lesions, open: (page, study)."""
    scenes.model()
    study, _lesions, _images = scenes.visit(doctor, lesions=2)
    page = opened(browser, signed_in(doctor), reduced_motion="reduce")
    page.goto(ORIGIN + reverse("reports:review", args=[study.pk]))
    yield page, study
    page.context.close()


def cards(page: Page) -> tuple[Locator, Locator]:
    first, second = page.locator("form[data-assess]").all()
    return first, second


def choose(form: Locator, text: str) -> None:
    field = form.get_by_role("combobox", name="Most likely diagnosis")
    field.fill(text)
    field.press("Enter")


def comment(form: Locator) -> Locator:
    return form.locator("textarea[name=comment]")


def half_typed(form: Locator) -> None:
    """A diagnosis, what to do and a comment; not recorded."""
    choose(form, "melanoma")
    form.get_by_label("Refer").check()
    form.locator("summary").first.click()
    comment(form).fill("Half a sentence")


def as_typed(form: Locator) -> None:
    expect(comment(form)).to_have_value("Half a sentence")
    expect(comment(form)).to_be_visible()
    expect(form.get_by_label("Refer")).to_be_checked()
    expect(form.get_by_role("combobox", name="Most likely diagnosis")).not_to_have_value("")
    assert form.evaluate("form => new FormData(form).get('diagnosis_1')")


def test_recording_one_lesion_leaves_the_others_as_typed(scene: Any, doctor: Any) -> None:
    page, study = scene
    first, second = cards(page)
    half_typed(second)
    choose(first, "nevus")
    first.get_by_label("Discharge").check()
    comment(first).evaluate("field => { field.value = 'Stored word' }")
    first.get_by_role("button", name="Record the assessment").click()
    expect(page.get_by_text("Lesion 1 is recorded")).to_be_visible()
    assert scenes.count(doctor, Assessment) == 1
    expect(page.get_by_text(BACK)).to_be_visible()
    _first, second = cards(page)
    as_typed(second)
    assert "Stored word" not in page.evaluate(KEPT), "what was stored is kept nowhere else"
    assert "Half a sentence" not in page.evaluate(KEPT), "it is in the form again"
    page.goto(ORIGIN + reverse("reports:review", args=[study.pk]))
    expect(page.get_by_text(BACK)).to_have_count(0)


def test_so_do_claiming_and_a_refusal(scene: Any, doctor: Any) -> None:
    page, _study = scene
    half_typed(cards(page)[1])
    page.get_by_role("button", name="Claim this visit").click()
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    assert scenes.count(doctor, Claim) == 1
    first, second = cards(page)
    as_typed(second)
    first.get_by_role("button", name="Record the assessment").click()
    expect(page.get_by_text("Please check what you entered").first).to_be_visible()
    as_typed(cards(page)[1])
    assert scenes.count(doctor, Assessment) == 0


def test_signing_out_leaves_nothing_behind(scene: Any) -> None:
    page, _study = scene
    half_typed(cards(page)[1])
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert "Half a sentence" not in page.evaluate(KEPT)


def test_a_password_is_never_kept(scene: Any) -> None:
    page, _study = scene
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.method = "post";
          form.setAttribute("action", "/elsewhere/");
          form.innerHTML = '<input name="secret" type="password"><input name="plain">';
          document.body.append(form);
          for (const field of form.elements) field.value = `typed-${field.name}`;
          document.addEventListener("submit", () => {
            window.name = JSON.stringify(sessionStorage);
          });
        }"""
    )
    page.get_by_role("button", name="Claim this visit").click()
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    assert "typed-plain" in page.evaluate("window.name")
    assert "typed-secret" not in page.evaluate("window.name")


def test_a_new_image_is_told_and_shown_with_what_was_typed(scene: Any, doctor: Any) -> None:
    page, study = scene
    half_typed(cards(page)[1])
    with clinic_context(doctor.clinic_id):
        lesion = Lesion.objects.get(patient=study.patient_id, number=1)
    late = scenes.image(doctor, study, lesion)
    expect(page.get_by_text("A new image of lesion 1 has come.")).to_be_visible(timeout=20_000)
    check_axe(page)
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_text(BACK)).to_be_visible()
    as_typed(cards(page)[1])
    shown = cards(page)[0].locator("input[name=images]").input_value()
    assert str(late.pk) in shown
