"""Looking at images in a browser: layers, light, ruler; two images compared, by keyboard and mouse.

The pages are answered by the product in this process: no server and no worker is needed for them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page

from demo.dermoscopy import Capture, SkinTone, Spec, draw
from demo.lesions import Kind, Lesion
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.services import ingest
from reports.services.histology import record_histology
from tests import factories
from tests.database import acting_as
from tests.e2e.conftest import check_axe
from tests.e2e.in_process import ORIGIN, fits, opened
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

GREW = """before => [...document.querySelectorAll("[data-percent]")]
  .every((each, place) => Number(each.textContent.match(/[0-9]+/)[0]) > before[place])"""
MM = 0.04  # of a pixel, where a file states its scale
SIZE = (600, 450)
MASK = {"mask": bytes([0] * 5 + [255, 255, 0, 0, 255, 255] + [0] * 5), "mask_shape": [4, 4]}


@pytest.fixture
def lesion(doctor: Actor) -> Any:
    """A lesion drawn at two visits: 30 days ago, and now turned, closer and under hairs.

    Both files state their scale, and the first visit is assessed.
    """
    patient = factories.patient(doctor)
    made = factories.lesion(doctor, patient)
    spec = Spec(SkinTone.TYPE_II, Lesion(Kind.NEVUS_RETICULAR, 7), Capture.plain(), size=SIZE)
    later = replace(Capture.plain(), turn_degrees=24.0, shift_mm=(0.8, -0.4), hairs=0.5, zoom=1.2)
    for number, shot in enumerate([spec, replace(spec, capture=later)]):
        when = timezone.now() - (1 - number) * timedelta(days=30)
        study = factories.study(doctor, patient, acquired_at=when)
        data = draw(shot, number).as_jpeg()
        ingest(actor=doctor, study_id=study.pk, data=data, lesion_id=made.pk)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Instance.objects.filter(lesion=made).update(source={"pixel_spacing_mm": [MM, MM]})
    first, _second = images(doctor, made)
    scenes.finish(doctor, first, **MASK)
    scenes.assess(doctor, first.study, made, scenes.NEVUS)
    return made


def images(actor: Actor, lesion: Any) -> list[Any]:
    with clinic_context(actor.clinic_id):
        found = Instance.objects.filter(lesion=lesion).select_related("study")
        return list(found.order_by("study__acquired_at"))


@pytest.fixture
def page(request: Any, browser: Browser, doctor: Actor) -> Iterator[Page]:
    width = getattr(request, "param", 1440)
    made = opened(browser, signed_in(doctor), width=width, reduced_motion="reduce")
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    made.context.close()
    assert errors == []


def review(page: Page, doctor: Actor, lesion: Any, *, visit: int) -> Locator:
    """The review of a visit, and its first image, open for zooming."""
    study = images(doctor, lesion)[visit].study
    page.goto(ORIGIN + reverse("reports:review", args=[study.pk]))
    figure = page.locator("[data-viewer]").first
    figure.scroll_into_view_if_needed()
    figure.locator("[data-percent]").filter(has_text="%").wait_for()
    return figure


def compared(page: Page, lesion: Any) -> Locator:
    page.goto(ORIGIN + reverse("reports:compare", args=[lesion.pk]))
    root = page.locator("[data-pair]")
    root.locator("[data-percent]").filter(has_text="%").nth(1).wait_for()
    return root


def inked(figure: Locator) -> int:
    """How many pixels of the pane over the image are not clear."""
    return int(
        figure.locator(".viewer__glass").evaluate(
            "pane => { const { data } = pane.getContext('2d')"
            ".getImageData(0, 0, pane.width, pane.height);"
            "return data.filter((value, place) => place % 4 === 3 && value > 0).length }"
        )
    )


def by_keyboard(button: Locator) -> None:
    button.focus()
    button.page.keyboard.press("Enter")


def by_mouse(button: Locator) -> None:
    button.click()


Press = Callable[[Locator], None]


@pytest.mark.parametrize("press", [by_keyboard, by_mouse])
def test_layers_are_off_until_asked_for(
    page: Page, doctor: Actor, lesion: Any, press: Press
) -> None:
    figure = review(page, doctor, lesion, visit=0)
    assert inked(figure) == 0
    heat = figure.get_by_role("group", name="Heat map").get_by_role("button")
    press(heat)
    page.wait_for_selector("[data-overlay]")
    assert heat.get_attribute("aria-pressed") == "true"
    whole = inked(figure)
    assert whole > 0
    slider = figure.get_by_role("slider", name="Opacity of the heat map")
    slider.focus()
    page.keyboard.press("Home")
    assert inked(figure) == 0, "nothing of it is left"
    assert heat.get_attribute("aria-pressed") == "false"
    outline = figure.get_by_role("group", name="Outline of the lesion").get_by_role("button")
    press(outline)
    page.wait_for_selector("[data-overlay]")
    assert 0 < inked(figure) < whole


def test_zoom_to_every_pixel(page: Page, doctor: Actor, lesion: Any) -> None:
    figure = review(page, doctor, lesion, visit=0)
    figure.get_by_role("button", name="1:1").press("Enter")
    figure.locator("[data-percent]").filter(has_text="100 %").wait_for()
    figure.locator("[data-said]").filter(has_text="100 %").wait_for(state="attached")
    canvas = figure.get_by_role("application")
    assert "Lesion 1" in str(canvas.get_attribute("aria-label"))
    canvas.focus()
    page.keyboard.press("0")
    figure.locator("[data-percent]").filter(has_not_text="100 %").wait_for()


def test_brightness_leaves_the_layers_alone(page: Page, doctor: Actor, lesion: Any) -> None:
    figure = review(page, doctor, lesion, visit=0)
    figure.get_by_text("Brightness and contrast").click()
    figure.get_by_label("Brightness").press("ArrowRight")
    figure.get_by_label("Contrast").press("ArrowLeft")
    photograph = figure.locator(".openseadragon-canvas canvas").first
    assert photograph.evaluate("each => each.style.filter") == "brightness(105%) contrast(95%)"
    pane = figure.locator(".viewer__glass")
    assert pane.evaluate("each => getComputedStyle(each).filter") == "none"
    reset = figure.get_by_role("button", name="Reset")
    reset.press("Enter")
    assert photograph.evaluate("each => each.style.filter") == ""
    assert reset.is_disabled()


def test_the_ruler_measures(page: Page, doctor: Actor, lesion: Any) -> None:
    figure = review(page, doctor, lesion, visit=0)
    figure.get_by_role("button", name="1:1").click()
    figure.locator("[data-percent]").filter(has_text="100 %").wait_for()
    figure.get_by_role("button", name="Ruler", exact=True).press("Enter")
    ends = figure.locator(".handle")
    told = figure.locator("[data-length]")
    stage = figure.locator("[data-stage]")
    stage.click(position={"x": 60, "y": 80})
    stage.click(position={"x": 160, "y": 80})
    assert told.text_content() == "4.0 mm", "100 pixels of 0.04 mm"
    ends.nth(1).focus()
    page.keyboard.press("Shift+ArrowRight")
    assert told.text_content() == "4.4 mm"
    figure.locator("[data-said]").filter(has_text="4.4 mm").wait_for(state="attached")
    page.keyboard.press("Escape")
    assert ends.count() == 0
    assert told.text_content() == ""


def test_no_number_without_a_scale(page: Page, doctor: Actor, lesion: Any) -> None:
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Instance.objects.filter(lesion=lesion).update(source={})
    figure = review(page, doctor, lesion, visit=0)
    assert figure.get_by_role("button", name="Ruler", exact=True).count() == 0
    assert figure.get_by_text("its file does not state its scale").count() == 0
    assert figure.get_by_text("No ruler: this image’s file does not state its scale.").is_visible()


def placed(root: Locator) -> tuple[float, float]:
    """The turn in degrees and the scale in per cent, as the page tells them."""
    told = root.locator("[data-placed]").text_content() or ""
    turn, scale = re.findall(r"-?\d+(?:\.\d+)?", told)
    return float(turn), float(scale)


@pytest.mark.parametrize("press", [by_keyboard, by_mouse])
def test_aligned_by_the_server(page: Page, doctor: Actor, lesion: Any, press: Press) -> None:
    root = compared(page, lesion)
    assert placed(root) == (0, 100)
    press(root.get_by_role("button", name="Align automatically"))
    root.locator("[data-align-said]").filter(has_text="places of the skin").wait_for()
    assert placed(root) == pytest.approx((-24, 100 / 1.2), abs=0.5)
    press(root.get_by_role("button", name="Undo"))
    assert placed(root) == (0, 100)
    assert scenes.events(doctor, "image.viewed", detail__rendition="alignment") == 2


def test_aligned_by_two_points_and_by_hand(page: Page, lesion: Any) -> None:
    root = compared(page, lesion)
    by_keyboard(root.get_by_role("button", name="Two matching points"))
    points = root.locator(".handle")
    assert points.count() == 4
    assert "Point 1 of the left image" in str(points.first.get_attribute("aria-label"))
    points.nth(3).focus()
    for _each in range(3):
        page.keyboard.press("Shift+ArrowDown")
    by_keyboard(root.get_by_role("button", name="Lay these points over each other"))
    root.locator("[data-align-said]").filter(has_text="Aligned by hand").wait_for()
    turn, _scale = placed(root)
    assert turn < -5, "what lay lower in the right image is turned up"
    root.get_by_text("Move, turn and scale by hand").press("Enter")
    root.get_by_role("button", name="Move left").focus()
    page.keyboard.press("Shift+PageDown")
    assert placed(root)[0] == pytest.approx(turn + 5, abs=0.2)
    root.get_by_role("button", name="Larger").click()
    assert root.locator(".handle").count() == 0


def zooms(root: Locator) -> list[int]:
    """What both images say of their zoom, in per cent."""
    return [
        int(re.findall(r"\d+", each)[0])
        for each in root.locator("[data-percent]").all_inner_texts()
    ]


def test_both_move_together_until_told_otherwise(page: Page, lesion: Any) -> None:
    root = compared(page, lesion)
    left, right = zooms(root)
    assert left == right, "both files state the same scale"
    canvas = root.get_by_role("application").nth(1)
    canvas.focus()
    page.keyboard.press("+")
    page.wait_for_function(GREW, arg=[left, right])
    apart = root.get_by_label("Move both together")
    apart.uncheck()
    before = zooms(root)
    canvas.focus()
    page.keyboard.press("+")
    page.wait_for_function(GREW, arg=[0, before[1]])
    assert zooms(root)[0] == before[0]


@pytest.mark.parametrize("press", [by_keyboard, by_mouse])
def test_one_over_the_other(page: Page, lesion: Any, press: Press) -> None:
    root = compared(page, lesion)
    root.get_by_label("Over each other").check()
    front = root.locator("[data-front]")
    assert "50 %" in str(front.text_content())
    swap = root.get_by_role("button", name="Show the other")
    press(swap)
    named = str(front.text_content())
    assert named.startswith("In front: ")
    press(swap)
    assert front.text_content() != named
    root.get_by_role("application").first.focus()
    page.keyboard.press(" ")
    assert front.text_content() == named
    press(root.get_by_role("button", name="Alternate"))
    shown = front.text_content()
    page.wait_for_function(
        "before => document.querySelector('[data-front]').textContent !== before", arg=shown
    )
    period = root.get_by_role("slider", name="Seconds for which each image is shown")
    assert float(str(period.get_attribute("min"))) > 1 / 3, "three flashes a second are the limit"
    press(root.get_by_role("button", name="Alternate"))
    assert root.get_by_role("button", name="Alternate").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("page", [320, 1440], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page: Page, doctor: Actor, lesion: Any, scheme: Any, tmp_path: Path) -> None:
    record_histology(
        actor=doctor, lesion_id=lesion.pk, diagnosis=scenes.NEVUS, reported_on=timezone.localdate()
    )
    page.emulate_media(color_scheme=scheme)
    root = compared(page, lesion)
    check_axe(page)
    assert fits(page)
    page.screenshot(path=tmp_path / f"beside-{scheme}.png", full_page=True)
    root.get_by_label("Over each other").check()
    root.get_by_text("Move, turn and scale by hand").click()
    check_axe(page)
    assert fits(page)
    page.screenshot(path=tmp_path / f"over-{scheme}.png", full_page=True)
    figure = review(page, doctor, lesion, visit=0)
    figure.get_by_text("Brightness and contrast").click()
    figure.get_by_role("group", name="Heat map").get_by_role("button").click()
    figure.get_by_role("button", name="Ruler", exact=True).click()
    check_axe(page)
    assert fits(page)
    page.screenshot(path=tmp_path / f"review-{scheme}.png", full_page=True)
