"""Reading a visit in a browser: blinded first, by keyboard and by mouse."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from dermaclinic.accounts.tenancy import clinic_context
from reports.models import Assessment
from reports.services.histology import record_histology
from tests import factories
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, fits, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]
LOADED = 15_000  # milliseconds: longer than a page takes on a machine at work


@pytest.fixture
def visit(doctor: Any) -> Any:
    """Three lesions, the second of which the opinion takes for a melanoma; one not seen today."""
    scenes.model()
    before, lesions, _images = scenes.visit(
        doctor, lesions=3, acquired_at=timezone.now() - timedelta(days=120)
    )
    for lesion in lesions:
        scenes.assess(doctor, before, lesion)
    study = factories.study(doctor, before.patient)
    factories.lesion(doctor, before.patient)
    firsts = ({"nv": 0.8}, {"mel": 0.71, "bcc": 0.1, "bkl": 0.1}, {"nv": 0.7})
    for lesion, first in zip(lesions, firsts, strict=True):
        urgent = "urgent" if "mel" in first else "routine"
        scenes.finish(doctor, scenes.image(doctor, study, lesion), first=first, triage=urgent)
    return study


@pytest.fixture
def client(doctor: Any) -> Client:
    return signed_in(doctor)


@pytest.fixture
def page(browser: Browser, client: Client, visit: Any) -> Iterator[Page]:
    made = opened(browser, client, reduced_motion="reduce")
    made.goto(ORIGIN + reverse("reports:review", args=[visit.pk]))
    yield made
    made.context.close()


def diagnose(page: Page, text: str) -> None:
    """By keys alone: to the field, the first hit, discharge, and record."""
    page.keyboard.press("d")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    lesion = page.locator("[data-key-item]:has(:focus)")
    lesion.get_by_label("Discharge").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")


def test_three_lesions_by_keyboard_alone(page: Page, doctor: Any, visit: Any) -> None:
    expect(page.get_by_text("First your own diagnosis")).to_have_count(3)
    expect(page.locator(".bars")).to_have_count(0)
    page.keyboard.press("j")
    expect(page.locator("#lesion-1")).to_be_focused()

    diagnose(page, "melanocytic nevus of skin")
    expect(page.get_by_text("Lesion 1 is recorded. You agree with the opinion.")).to_be_visible()
    expect(page.locator("#lesion-2")).to_be_focused(timeout=LOADED)
    expect(page.locator(".bars")).to_have_count(1)

    diagnose(page, "dermatofibroma")
    expect(page.locator("#lesion-2")).to_be_focused(timeout=LOADED)
    second = page.locator("[data-key-item]").nth(1)
    expect(second.get_by_text("Your first impression and the opinion differ")).to_be_visible()
    expect(second.locator(".bars")).to_be_visible()
    second.get_by_role("link", name="Change mine").focus()
    page.keyboard.press("Enter")
    expect(second.get_by_role("combobox", name="Most likely diagnosis")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("malignant melanoma of skin")
    page.keyboard.press("Enter")
    second.get_by_label("Biopsy or excise").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    expect(second.get_by_text("Changed after the opinion")).to_be_visible()
    expect(page.locator("#lesion-3")).to_be_focused(timeout=LOADED)

    diagnose(page, "melanocytic nevus of skin")
    expect(page.locator("#report")).to_be_focused(timeout=LOADED)
    page.keyboard.press("u")
    expect(page.get_by_text("The assessment of lesion 3 is taken back")).to_be_visible()
    assert scenes.count(doctor, Assessment, study=visit, withdrawal=None) == 3
    assert scenes.count(doctor, Assessment, study=visit) == 4


def test_by_mouse_from_the_sheet_and_keeping_ones_own(page: Page, doctor: Any, visit: Any) -> None:
    page.locator(".sheet__lesion").nth(1).click()
    expect(page).to_have_url(re.compile("#lesion-2$"))
    second = page.locator("[data-key-item]").nth(1)
    second.get_by_role("combobox", name="Most likely diagnosis").click()
    second.get_by_role("option", name="Dermatofibroma").first.click()
    second.get_by_label("Discharge").check()
    second.get_by_role("button", name="Record the assessment").click()
    second.get_by_label("Why your diagnosis holds").fill("A dimple on pinching.")
    second.get_by_role("button", name="Keep mine").click()
    expect(second.get_by_text("Kept after the opinion")).to_be_visible()
    kept = {"study": visit, "version": 2, "reason": "A dimple on pinching."}
    assert scenes.count(doctor, Assessment, **kept) == 1


def test_no_letter_records_anything(page: Page, doctor: Any, visit: Any) -> None:
    before = scenes.count(doctor, Assessment, study=visit)
    page.keyboard.press("j")
    for key in "abcdefgh":
        page.keyboard.press("Escape")
        page.locator("#lesion-1").focus()
        page.keyboard.press(key)
    assert scenes.count(doctor, Assessment, study=visit) == before


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1440, "light")])
def test_axe_finds_nothing(
    browser: Browser, client: Client, doctor: Any, visit: Any, width: int, scheme: Any
) -> None:
    """Veiled, to be confirmed, changed, with histology: all states on one page; and the rules."""
    [one, two, _three] = sorted(
        {each.lesion for each in instances(doctor, visit)}, key=lambda each: int(each.number)
    )
    scenes.assess(doctor, visit, one)
    record_histology(
        actor=doctor,
        lesion_id=one.pk,
        diagnosis=scenes.NEVUS,
        reported_on=timezone.localdate(),
    )
    scenes.assess(doctor, visit, two, scenes.SCC)
    page = opened(browser, client, width=width, color_scheme=scheme, reduced_motion="reduce")
    for address in (reverse("reports:review", args=[visit.pk]), reverse("reports:rules")):
        page.goto(ORIGIN + address)
        assert fits(page), address
        check_axe(page)
    page.context.close()


def instances(doctor: Any, visit: Any) -> list[Any]:
    with clinic_context(doctor.clinic_id):
        return list(visit.instances.select_related("lesion"))
