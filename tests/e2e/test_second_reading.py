"""A second reading in a browser: by keyboard alone, and by mouse to a consensus."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from reports.models import Consensus, SecondReading
from tests import factories
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, fits, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes, second

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

LOOKS = [(320, "light"), (390, "dark"), (1440, "light"), (1440, "dark")]


@pytest.fixture(autouse=True)
def _rules(clinic: Any) -> None:
    second.rules(clinic, blinded_first=False)


@pytest.fixture
def other(clinic: Any) -> Any:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def readings(doctor: Any) -> list[SecondReading]:
    """Three lesions that wait for their second reader; the first has been there before."""
    scenes.model()
    made, [lesion], [_image] = scenes.visit(doctor, acquired_at=timezone.now() - timedelta(days=90))
    study = factories.study(doctor, made.patient)
    picture = scenes.image(doctor, study, lesion)
    scenes.finish(doctor, picture, first={"mel": 0.7, "nv": 0.2})
    scenes.assess(doctor, study, lesion, scenes.MELANOMA, management="excise")
    return [*second.asked(doctor), *(second.waiting(doctor) for _each in range(2))]


@pytest.fixture
def page(browser: Browser, other: Any, readings: list[SecondReading]) -> Iterator[Page]:
    """The second reader's, at the worklist."""
    made = opened(browser, signed_in(other))
    made.goto(ORIGIN + reverse("reports:worklist"))
    yield made
    made.context.close()


def keep(page: Page, name: str) -> None:
    """A picture for who wants to look at it."""
    if folder := os.environ.get("LOOKS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_reading_by_keyboard_alone(page: Page, other: Any, readings: list[SecondReading]) -> None:
    page.get_by_role("link", name="Second readings").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".second-row")).to_have_count(3)
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(f"#second-{readings[1].pk} :focus")).to_have_count(1)
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Your reading")).to_be_visible()
    assert str(readings[1].pk) in page.url
    page.wait_for_load_state()
    page.keyboard.press("d")
    expect(page.get_by_role("combobox", name="Most likely diagnosis")).to_be_focused()
    page.keyboard.type("malignant mel")
    page.keyboard.press("Enter")
    page.get_by_label("Biopsy or excise").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("the readings agree")).to_be_visible()
    expect(page.get_by_text("By its network.")).to_be_visible()
    [done] = second.asked(other, reader=other.user)
    assert (done.pk, done.outcome) == (readings[1].pk, "agrees")


def test_two_who_differ_decide_by_mouse(
    page: Page, browser: Browser, doctor: Any, other: Any, readings: list[SecondReading]
) -> None:
    page.get_by_role("link", name="Second readings").click()
    row = page.locator(f"#second-{readings[0].pk}")
    row.get_by_role("button", name="Claim and read").click()
    expect(page.get_by_role("heading", name="Your reading")).to_be_visible()
    page.wait_for_load_state()
    # Meanwhile the record is closed, whatever address one knows.
    review = ORIGIN + reverse("reports:review", args=[readings[0].study_id])
    page.goto(review)
    expect(page.get_by_text("You are the second reader of a lesion")).to_be_visible()
    page.go_back()
    page.get_by_role("combobox", name="Most likely diagnosis").fill("melanocytic nev")
    page.get_by_role("option", name="Melanocytic nevus of skin").first.click()
    page.get_by_label("Discharge").check()
    page.get_by_role("button", name="Record the second reading").click()
    expect(page.get_by_role("heading", name="Decide together")).to_be_visible()
    page.get_by_label("Biopsy or excise").check()
    page.get_by_label("Why", exact=True).fill("Together at the screen: asymmetrical.")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Waiting for another doctor to agree.")).to_be_visible()
    check_axe(page)
    first = opened(browser, signed_in(doctor))
    first.goto(ORIGIN + reverse("reports:second-readings"))
    first.get_by_role("link", name="To the consensus").click()
    expect(first.get_by_text("Together at the screen: asymmetrical.")).to_be_visible()
    first.get_by_role("button", name="Agree").click()
    expect(first.get_by_role("heading", name="The consensus")).to_be_visible()
    check_axe(first)
    keep(first, "decided")
    first.context.close()
    assert scenes.count(doctor, Consensus) == 1


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_every_page_of_it_is_whole(
    browser: Browser, doctor: Any, other: Any, readings: list[SecondReading], width: int, theme: Any
) -> None:
    disputed = second.disputed(doctor, other)
    second.proposed(doctor, disputed)
    made = opened(browser, signed_in(other), width=width, color_scheme=theme)

    def look(name: str, path: str) -> None:
        made.goto(ORIGIN + path)
        expect(made.locator("h1")).to_be_visible()
        assert fits(made), name
        check_axe(made)
        keep(made, f"{name}-{width}-{theme}")

    look("list", reverse("reports:second-readings"))
    blind = reverse("reports:second-reading", args=[readings[0].pk])
    look("cover", blind)
    made.get_by_role("button", name="Claim and read").click()
    expect(made.get_by_role("heading", name="Your reading")).to_be_visible()
    look("blind", blind)
    look("dispute", reverse("reports:second-reading", args=[disputed.pk]))
    made.context.close()
