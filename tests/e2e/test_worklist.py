"""The worklist in a browser: by keyboard, by mouse, and while things change around one."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Route, expect

from dermaclinic.accounts import preferences, shortcuts
from dermaclinic.accounts.tenancy import clinic_context
from reports.models import Claim, Report
from reports.services.claims import claim_study
from tests import factories
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, fits, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes
from tests.reports.test_claims import lapse

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

POLL = 15_000  # milliseconds: longer than an open page waits before it asks again


@pytest.fixture
def visits(doctor: Any) -> list[Any]:
    """Visits as they wait in the morning: without an opinion, urgent, on its way, routine."""
    scenes.model()
    made = []
    for status, triage, lesions in (
        ("declined", "", 1),
        ("ready", "urgent", 3),
        ("queued", "", 2),
        *[("ready", "routine", 1)] * 5,
    ):
        study, _lesions, pictures = scenes.visit(doctor, lesions=lesions)
        for picture in pictures:
            if status != "queued":
                more = {"triage": triage} if status == "ready" else {}
                scenes.finish(doctor, picture, status=status, **more)
        made.append(study)
    return made


@pytest.fixture
def client(doctor: Any) -> Client:
    return signed_in(doctor)


@pytest.fixture
def page(browser: Browser, client: Client, visits: list[Any]) -> Iterator[Page]:
    made = opened(browser, client)
    made.goto(ORIGIN + reverse("reports:worklist"))
    expect(made.locator(".waiting")).to_have_count(8)
    yield made
    made.context.close()


def top_of(page: Page, study: Any) -> float:
    box = page.locator(f"#patient-{study.pk}").bounding_box()
    assert box is not None
    return box["y"]


def change_everything(doctor: Any, clinic: Any, visits: list[Any]) -> Any:
    """Three new visits at the top, an opinion arrives, a colleague takes one, one is assessed."""
    for _ in range(3):
        _study, _lesions, [picture] = scenes.visit(doctor)
        scenes.finish(doctor, picture, status="failed")
    with clinic_context(doctor.clinic_id):
        pictures = list(visits[2].instances.all())
        lesion = visits[3].instances.get().lesion
    for picture in pictures:
        scenes.finish(doctor, picture, triage="urgent")
    colleague = factories.actor(clinic, "doctor")
    claim_study(actor=colleague, study_id=visits[1].pk)
    scenes.assess(doctor, visits[3], lesion)
    return colleague


def test_nothing_moves_under_the_pointer_when_news_arrive(
    page: Page, doctor: Any, clinic: Any, visits: list[Any]
) -> None:
    here = page.locator(f"#patient-{visits[5].pk}")
    here.hover()
    before = {study.pk: top_of(page, study) for study in visits}
    colleague = change_everything(doctor, clinic, visits)
    expect(page.locator("#worklist-note")).to_contain_text("3 new visits.", timeout=POLL)
    assert {study.pk: top_of(page, study) for study in visits} == before
    expect(page.locator(f"#claim-{visits[1].pk}")).to_contain_text(f"{colleague.name} until")
    expect(page.locator(f"#visit-{visits[1].pk}")).to_have_class(re.compile("waiting--taken"))
    expect(page.locator(f"#urgency-{visits[2].pk}")).to_contain_text("Urgent")
    expect(page.locator(f"#urgency-{visits[3].pk}")).to_contain_text("Assessed meanwhile")
    expect(page.locator(".waiting")).to_have_count(8)
    page.locator("#worklist-note a").click()
    expect(page.locator(".waiting")).to_have_count(10)
    expect(page.locator("#worklist-note p")).to_have_count(0)
    expect(page.locator(".waiting [data-key~=open]").first).to_be_focused()


def test_news_leave_the_focus_where_it_was_and_come_by_a_key(
    page: Page, doctor: Any, clinic: Any, visits: list[Any]
) -> None:
    page.set_viewport_size({"width": 1440, "height": 420})
    button = page.locator(f"#hold-{visits[6].pk}")
    button.focus()
    before = top_of(page, visits[6])
    change_everything(doctor, clinic, visits)
    expect(page.locator("#worklist-note")).to_contain_text("3 new visits.", timeout=POLL)
    expect(button).to_be_focused()
    assert top_of(page, visits[6]) == before
    page.keyboard.press(".")
    expect(page.locator(".waiting")).to_have_count(10)
    expect(button).to_be_focused()
    assert abs(top_of(page, visits[6]) - before) <= 1, "the row in hand stays where it was"


def test_a_morning_by_keyboard(page: Page, doctor: Any, visits: list[Any]) -> None:
    links = page.locator(".waiting [data-key~=open]")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("ArrowUp")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("c")
    cell = page.locator(f"#claim-{visits[1].pk}")
    expect(cell).to_contain_text("Yours until")
    expect(page.locator("#toasts")).to_contain_text("The visit is yours until")
    expect(page.locator("#key-said")).to_have_text("Claim the visit")
    expect(links.nth(1)).to_be_focused()
    assert scenes.count(doctor, Claim, study=visits[1]) == 1
    page.keyboard.press("u")
    expect(cell).to_contain_text("Free")
    assert scenes.count(doctor, Claim) == 0
    page.keyboard.press("o")
    page.wait_for_url(f"**{reverse('reports:review', args=[visits[1].pk])}")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url(f"**{reverse('reports:worklist')}")
    page.keyboard.press("s")
    page.wait_for_url(f"**{reverse('reports:session')}")
    page.keyboard.press("s")
    assert scenes.count(doctor, Report) == 0
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url(f"**{reverse('patients:find')}")


def test_the_keys_of_the_page_are_told(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys of this page")
    expect(dialog).to_be_visible()
    for words in (
        "Next row, next lesion",
        "Open the visit",
        "Claim the visit",
        "Go to the worklist",
    ):
        expect(dialog.get_by_text(words)).to_be_visible()
    check_axe(page)
    page.keyboard.press("c")
    page.keyboard.press("j")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Yours until")).to_have_count(0)
    page.get_by_role("button", name="Keys", exact=True).click()
    expect(dialog).to_be_visible()


def test_no_key_fires_with_a_modifier_or_in_a_field(page: Page, doctor: Any) -> None:
    page.keyboard.press("j")
    for pressed in ("Control+c", "Alt+c", "Meta+c", "Shift+c"):
        page.keyboard.press(pressed)
    page.goto(ORIGIN + reverse("patients:find"))
    field = page.get_by_role("searchbox")
    field.focus()
    page.keyboard.type("gw c?")
    expect(field).to_have_value("gw c?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert scenes.count(doctor, Claim) == 0


def test_keys_of_ones_own_and_none(page: Page, doctor: Any, visits: list[Any]) -> None:
    keys = shortcuts.standard() | {"claim": "y", "open": ""}
    preferences.store(user=doctor.person, single_letters=True, keys=keys, theme="auto")
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.keyboard.press("o")
    page.keyboard.press("y")
    expect(page.locator(f"#claim-{visits[0].pk}")).to_contain_text("Yours until")
    preferences.store(user=doctor.person, single_letters=False, keys=keys, theme="auto")
    page.reload()
    page.keyboard.press("j")
    expect(page.locator(".waiting:focus-within")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".waiting [data-key~=open]").first).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator(f"#claim-{visits[0].pk}")).to_contain_text("Yours until")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('reports:review', args=[visits[0].pk])}")


def test_a_colleagues_claim_locks_counts_down_and_lapses(
    browser: Browser, client: Client, doctor: Any, clinic: Any, visits: list[Any]
) -> None:
    colleague = factories.actor(clinic, "doctor")
    claim_study(actor=colleague, study_id=visits[1].pk)
    page = opened(browser, client)
    page.clock.install()
    page.goto(ORIGIN + reverse("reports:worklist"))
    cell = page.locator(f"#claim-{visits[1].pk}")
    expect(cell).to_contain_text(re.compile(rf"{colleague.name} until \d\d:\d\d"))
    expect(cell).to_contain_text(re.compile(r"(29|30) min left"))
    expect(cell.get_by_role("button")).to_have_count(0)
    page.clock.fast_forward("10:00")
    expect(cell).to_contain_text(re.compile(r"(19|20) min left"))
    lapse(doctor)
    page.clock.fast_forward("00:30")
    expect(cell).to_contain_text("Free")
    expect(cell.get_by_role("button", name="Claim and review")).to_be_visible()
    page.context.close()


def test_claims_by_mouse_and_a_way_back_that_waits(page: Page, doctor: Any) -> None:
    page.clock.install()
    page.reload()
    row = page.locator(".waiting").nth(1)
    row.get_by_role("button", name="Only claim").click()
    expect(row).to_contain_text("Yours until")
    expect(row).to_contain_text(re.compile("(29|30) min left"), timeout=1000)
    expect(row.get_by_role("button", name="Release")).to_be_focused()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Free")
    expect(page.locator("#toasts")).to_contain_text("free for others")
    toast = page.locator("#toasts [data-undo]")
    toast.hover()
    page.clock.fast_forward(60_000)
    expect(toast).to_be_visible()
    page.mouse.move(5, 5)
    page.clock.fast_forward(11_000)
    expect(toast).to_have_count(0)
    row.get_by_role("button", name="Only claim").click()
    page.locator("#toasts").get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    assert scenes.count(doctor, Claim) == 1


def test_what_takes_longer_than_a_second_says_so(page: Page) -> None:
    held: list[Route] = []
    page.route("**/claim/", lambda route: held.append(route))
    busy = page.get_by_role("progressbar", name="Working")
    page.locator(".waiting").first.get_by_role("button", name="Only claim").click()
    expect(busy).to_be_visible()
    expect(page.locator("#busy-said")).to_have_text("Still working on it…")
    held[0].fallback()
    expect(busy).to_be_hidden()
    expect(page.locator(".waiting").first).to_contain_text("Yours until")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_pages_in_either_theme_at_each_width(
    browser: Browser, client: Client, doctor: Any, visits: list[Any], width: int, theme: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    # What the person chose holds, whatever the device says.
    device: Any = {"light": "dark", "dark": "light"}[theme]
    preferences.store(
        user=doctor.person, single_letters=True, keys=shortcuts.standard(), theme=theme
    )
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page = opened(browser, client, width=width, color_scheme=device)
    for name in ("reports:worklist", "account:preferences"):
        page.goto(ORIGIN + reverse(name))
        canvas = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (canvas == "rgb(13, 19, 22)") == (theme == "dark")
        check_axe(page)
        assert fits(page)
        page.screenshot(path=folder / f"{name.replace(':', '-')}-{width}-{theme}.png")
    page.context.close()
