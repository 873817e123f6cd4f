"""The body map in a real browser: lesions placed by mouse and by keyboard, moved and moved back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.tenancy import clinic_context
from patients.body_map.places import Place
from patients.models import Lesion
from tests import factories
from tests.e2e.conftest import House, check_axe
from tests.e2e.test_first_day import signed_in
from tests.reports import scenes

pytestmark = pytest.mark.e2e


@pytest.fixture
def doctor(house: House) -> Actor:
    return member_actor(house.people["doctor"])


@pytest.fixture
def patient(doctor: Actor) -> Any:
    return factories.patient(doctor, family_name="Landkarte")


def lesions(actor: Actor) -> list[Lesion]:
    with clinic_context(actor.clinic_id):
        return list(Lesion.objects.order_by("number"))


def on_view(page: Page, view: str, x: float, y: float) -> None:
    """Click at fractions of a view."""
    svg = page.locator(f'svg[data-view="{view}"]')
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def open_record(page: Page, house: House, patient: Any) -> None:
    page.goto(f"{house.url}patients/{patient.pk}/")


def test_lesions_are_placed_by_mouse_and_by_keyboard(
    browser: Browser, house: House, doctor: Actor, patient: Any
) -> None:
    with signed_in(browser, house, "technician") as page:
        open_record(page, house, patient)
        check_axe(page)
        on_view(page, "front", 0.03, 0.05)
        expect(page.locator(".map__said")).to_have_text("That is beside the body.")
        on_view(page, "front", 0.62, 0.26)
        expect(page.locator(".map__said")).to_contain_text("Chest, left")
        expect(page.get_by_label("Body site")).to_have_value("chest")
        expect(page.get_by_label("Side", exact=True)).to_have_value("left")
        page.get_by_label("Note").fill("by mouse")
        page.get_by_role("button", name="Add lesion").click()
        expect(page.get_by_role("link", name="Lesion 1, Chest, left: no image yet")).to_be_visible()

        by_keyboard(page)
        expect(page.get_by_text("Lesion 2 is added.")).to_be_visible()
        page.get_by_role("button", name="Hands").click()
        page.get_by_label("Place on the body map").select_option(label="Nail of the thumb, right")
        expect(page.get_by_label("Body site")).to_have_value("acral")
        page.get_by_role("button", name="Add lesion").click()
        expect(page.get_by_text("Lesion 3 is added.")).to_be_visible()
        check_axe(page)
    one, two, three = lesions(doctor)
    assert one.place is not None
    assert (one.place.region, one.note) == ("chest_left", "by mouse")
    assert (round(one.place.x, 2), round(one.place.y, 2)) == (0.62, 0.26)
    assert two.place is not None
    assert two.place.view == "front"
    assert (two.body_site, two.laterality) == (two.place.where.site, two.place.where.laterality)
    assert three.place is not None
    assert (three.place.view, three.region) == ("hand_back_right", "thumb_nail_right")


def by_keyboard(page: Page) -> None:
    """To the front view's cross-hair, a little down and aside, choose, and on to the button."""
    page.get_by_role("button", name="Body", exact=False).first.focus()
    pad = page.get_by_role("application", name="Front")
    for _press in range(12):
        page.keyboard.press("Tab")
        if pad.evaluate("pad => pad === document.activeElement"):
            break
    expect(pad).to_be_focused()
    for _press in range(3):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".map__said")).to_contain_text("Chosen:")
    page.get_by_label("Note").press("Enter")


def test_a_marker_leads_to_the_lesion_and_a_move_is_undone(
    browser: Browser, house: House, doctor: Actor, patient: Any
) -> None:
    place = Place.of_region("back", "shoulder_blade_left")
    lesion = factories.lesion(doctor, patient, body_site="", place=place)
    for days, size in ((500, 4.0), (20, 5.5)):
        at = timezone.now() - timedelta(days=days)
        study = factories.study(doctor, patient, acquired_at=at)
        image = scenes.image(doctor, study, lesion)
        sized = {"measurements": {"diameter_mm": size, "area_mm2": size**2}}
        scenes.finish(doctor, image, result=sized)
        scenes.assess(doctor, study, lesion, reason="seen by daylight")
    with signed_in(browser, house, "doctor") as page:
        open_record(page, house, patient)
        page.get_by_role("link", name="Lesion 1, Shoulder blade, left: discharged").press("Enter")
        expect(page.get_by_role("heading", name="Lesion 1: Shoulder blade, left")).to_be_visible()
        expect(page.get_by_text("That is about 1.1 mm")).to_be_visible()
        check_axe(page)
        page.get_by_role("link", name="Correct or move").click()
        page.get_by_role("button", name="Body").click()
        on_view(page, "back", 0.5, 0.42)
        page.get_by_role("button", name="Store").click()
        expect(page.get_by_text("Lesion 1 was moved: Lower back, over the spine.")).to_be_visible()
        check_axe(page)
        page.get_by_role("button", name="Undo").press("Enter")
        expect(page.get_by_text("The lesion is back where it was.")).to_be_visible()
    [found] = lesions(doctor)
    assert found.place == place
