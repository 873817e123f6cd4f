"""The camera: framed like the last image, judged while the patient sits; and codes it reads."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, expect

from dermaclinic.accounts.actor import Actor
from imaging import quality
from tests.e2e.conftest import CHROMIUM, FLAGS, House, check_axe
from tests.e2e.desk import (
    SECOND,
    at_desk,
    dark,
    images,
    open_visit,
    patient,
    payload,
    photograph,
    product,
    stored,
    technician,
)
from tests.imaging import files

__all__ = ["patient", "product", "technician"]  # fixtures

pytestmark = pytest.mark.e2e
FILMING = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
def filming(browser: Browser) -> Iterator[Browser]:
    """A browser with a camera that shows a test picture."""
    started = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *FILMING])
    yield started
    started.close()


def test_a_picture_is_framed_like_the_last_one(
    filming: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(filming, house, technician) as page:
        open_visit(page, house)
        page.get_by_label("These images show").select_option(index=1)
        page.locator("#files").set_input_files([payload("1.jpg", photograph(1))])
        stored(page, 1)
        page.reload()
        page.get_by_label("These images show").select_option(index=1)
        expect(page.get_by_alt_text("The last image of this lesion", exact=True)).to_be_visible()

        # The device's own camera: shown under the last image, judged, taken again, kept.
        page.locator("#shot").set_input_files([payload("dark.jpg", dark(photograph(2)))])
        dialog = page.get_by_role("dialog")
        ghost = dialog.locator(".camera__ghost")
        expect(dialog).to_contain_text("1: Back")
        expect(dialog.locator(".camera__verdict")).to_contain_text("Poor", timeout=2 * SECOND)
        expect(dialog.locator(".camera__verdict")).to_contain_text("too dark")
        expect(dialog.get_by_role("button", name="Take it again")).to_be_focused()
        slider = dialog.get_by_role("slider")
        slider.focus()
        page.keyboard.press("End")
        assert ghost.evaluate("each => getComputedStyle(each).opacity") == "1"
        page.keyboard.press("Home")
        assert ghost.evaluate("each => getComputedStyle(each).opacity") == "0"
        check_axe(page)
        with page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Take it again").click()
        chooser.value.set_files([payload("good.jpg", photograph(3))])
        expect(dialog.locator(".camera__verdict")).to_contain_text("Good", timeout=2 * SECOND)
        expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
        page.keyboard.press("Enter")
        stored(page, 1)

        # The live view, with the ghost over it and a shutter.
        page.get_by_role("button", name="Live view").click()
        shutter = dialog.get_by_role("button", name="Release the shutter")
        expect(shutter).to_be_focused(timeout=10 * SECOND)
        expect(ghost).to_be_visible()
        check_axe(page)
        page.keyboard.press("Enter")
        expect(dialog.locator(".camera__verdict")).not_to_be_empty()
        dialog.get_by_role("button", name="Take it again").click()
        expect(shutter).to_be_focused()
        page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Keep it").click()
        stored(page, 2)
        expect(dialog).to_have_count(0)
    taken = images(technician)
    assert [each.lesion and each.lesion.number for each in taken] == [1, 1, 1]
    assert "too-dark" not in str([each.quality for each in taken])


CODES = """
window.BarcodeDetector = class {
  async detect(video) { return video.videoWidth ? [{ rawValue: "WB-4711" }] : []; }
};
"""


def test_a_code_is_read_by_the_camera_where_the_browser_can(
    filming: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(filming, house, technician) as page:
        page.add_init_script(CODES)
        page.goto(f"{house.url}imaging/capture/")
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_role("heading", name="Visit of")).to_be_visible()


def pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """What the demo draws, in several sizes, and what can go wrong with it."""
    for seed, size in ((1, (900, 675)), (2, (1600, 1200)), (3, (675, 900)), (4, (257, 300))):
        with Image.open(io.BytesIO(photograph(seed, size))) as opened:
            good = opened.convert("RGB")
        yield f"{size}", np.asarray(good)
        for radius in (1, 3, 12):
            soft = good.filter(ImageFilter.GaussianBlur(radius * size[0] / 900))
            yield f"{size} blurred by {radius}", np.asarray(soft)
        for factor in (0.1, 0.3, 1.6, 2.6):
            lit = np.clip(np.asarray(good, np.float32) * factor, 0, 255)
            yield f"{size} lit {factor}", lit.astype(np.uint8)
    glare = np.asarray(good).copy()
    glare[90:180, 80:170] = 255
    yield "glare", glare
    yield "small", np.asarray(good)[:120, :140]
    yield "tiny", np.asarray(good)[:50, :60]
    yield "flat", np.full((300, 400, 3), 140, np.uint8)


MEASURE = """async ([address, text]) => {
  const { judged, measured } = await import(address);
  const limits = JSON.parse(document.getElementById("measure").textContent);
  const bytes = Uint8Array.from(atob(text), each => each.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvasOf = (width, height) => new OffscreenCanvas(width, height);
  const found = measured(bitmap, limits, canvasOf);
  return { found, ...judged(found, limits.flaws) };
}"""


def test_browser_and_server_come_to_the_same_verdict(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    seen = set()
    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        for name, picture in pictures():
            text = base64.b64encode(files.png(picture)).decode()
            told = page.evaluate(MEASURE, ["/static/js/capture/measure.js", text])
            ours = quality.assess(picture)
            for measure in ("sharpness", "brightness", "contrast", "dark", "bright"):
                expected = pytest.approx(getattr(ours, measure), rel=0.03, abs=0.03)
                assert told["found"][measure] == expected, (name, measure)
            assert (told["verdict"], tuple(told["reasons"])) == (ours.verdict, ours.reasons), name
            seen |= {ours.verdict, *ours.reasons}
    assert seen >= {"good", "limited", "poor", "blurred", "soft", "too-dark", "bright", "flat"}
