"""A technician's turn with a patient, by keyboard and by mouse: scan, send, break off, match."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Page, Request, Route, expect

from demo.dermoscopy import Capture, Kind, Lesion as Drawn, SkinTone, Spec, draw
from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.demo import children, free_port, wait_for_page
from imaging import quality
from imaging.models import Instance, Upload
from tests import factories
from tests.e2e.conftest import CHROMIUM, FLAGS, House, _roles, check_axe
from tests.e2e.in_process import fits
from tests.imaging import files
from tests.pages.conftest import browser as session_of
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

SECOND = 1000  # milliseconds
FILMING = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def product(django_db_setup: None, tmp_path_factory: Any) -> Iterator[str]:
    """The web server alone: nothing here waits for an opinion."""
    folder = Path(tmp_path_factory.mktemp("desk"))
    (folder / "log").mkdir()
    call_command("collectstatic", interactive=False, verbosity=0)
    bind = f"127.0.0.1:{free_port('127.0.0.1', 8440)}"
    web = children(_roles(folder), folder / "log", bind)[0]
    try:
        web.start()
        wait_for_page(f"http://{bind}/", web)
        yield f"http://{bind}/"
    finally:
        web.child.stop()


@pytest.fixture(autouse=True)
def _patiently() -> Iterator[None]:
    """A machine that runs everything at once answers, but not at once."""
    expect.set_options(timeout=15 * SECOND)
    yield
    expect.set_options(timeout=5 * SECOND)


@pytest.fixture
def technician(house: House) -> Actor:
    return member_actor(house.people["technician"])


@pytest.fixture
def patient(technician: Actor) -> Any:
    made = factories.patient(technician, mrn="WB-4711", family_name="Musterfrau")
    factories.lesion(technician, made, body_site="back")
    factories.lesion(technician, made, body_site="abdomen")
    return made


@contextmanager
def at_desk(browser: Browser, house: House, actor: Actor, **options: Any) -> Iterator[Page]:
    """A page of somebody who has signed in."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}} | options)
    cookie = session_of(actor).cookies[django_settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": house.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.extend([said.text] * (said.type == "error")))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # What the server still answers would stand in the way of emptying the database.
    page.wait_for_load_state("networkidle")
    # Chromium itself reports what a test has broken off, and every answer of 400 and above.
    assert [each for each in complaints if "Failed to load resource" not in each] == []
    context.close()


def open_visit(page: Page, house: House, mrn: str = "WB-4711") -> None:
    """As a scanner does it: the number, and Enter."""
    page.goto(f"{house.url}imaging/capture/")
    page.keyboard.type(mrn)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Visit of")).to_be_visible()


def photograph(seed: int, size: tuple[int, int] = (900, 675)) -> bytes:
    lesion = Drawn(Kind.NEVUS_RETICULAR, seed=seed)
    spec = Spec(SkinTone.TYPE_II, lesion, Capture.plain(), size=size)
    return draw(spec, seed=seed).as_jpeg()


def images(actor: Actor) -> list[Instance]:
    with clinic_context(actor.clinic_id):
        return list(Instance.objects.select_related("lesion").order_by("created_at"))


def stored(page: Page, count: int) -> None:
    done = page.locator("#uploads [data-state=done]")
    expect(done).to_have_count(count, timeout=60 * SECOND)


def payload(name: str, data: bytes) -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def test_a_turn_by_keyboard(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(browser, house, technician) as page:
        page.goto(house.url)
        page.get_by_role("link", name="Photograph", exact=True).press("Enter")
        expect(page.get_by_label("Medical record number (MRN)")).to_be_focused()
        page.keyboard.type("nobody has this")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("No patient of this clinic has")
        check_axe(page)
        page.keyboard.type("wb-4711")  # the wrong number is selected, and replaced
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Visit of")).to_be_visible()
        check_axe(page)

        page.locator("#files").focus()
        page.locator("#files").set_input_files(
            [
                *(payload(f"{seed}.jpg", photograph(seed)) for seed in (1, 2, 3)),
                payload("letter.jpg", b"<html>no picture</html>"),
            ]
        )
        expect(page.locator("#uploads .badge--success").first).to_contain_text(
            "Good", timeout=2 * SECOND
        )
        stored(page, 3)
        refused = page.locator("#not-stored")
        expect(refused).to_contain_text("letter.jpg")
        expect(refused).to_contain_text("This is not an image")
        expect(page.get_by_role("status").filter(has_text="Stored: 3.")).to_have_count(1)

        page.locator("#tray-items input").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        expect(page.locator("#tray-said")).to_have_text("2 chosen")
        page.keyboard.press("2")
        expect(page.locator("#tiles > li")).to_have_count(2)
        expect(page.locator("#tray-items > li")).to_have_count(1)
        expect(page.locator("#tray-items input")).to_be_focused()
        page.keyboard.press("1")  # the one that has the focus, without being chosen
        expect(page.locator("#tiles > li")).to_have_count(3)
        assert [each.lesion and each.lesion.number for each in images(technician)].count(2) == 2
        check_axe(page)

        undo = page.get_by_role("button", name="Undo")
        expect(undo).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#tiles > li")).to_have_count(2)
        expect(page.locator("#tray-items > li")).to_have_count(1)
        assert [each.lesion for each in images(technician)].count(None) == 1


def test_a_turn_by_mouse(
    browser: Browser, house: House, technician: Actor, patient: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "card"
    for name in ("DCIM/100/1.jpg", "DCIM/100/2.jpg", "DCIM/101/3.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photograph(int(path.stem)))
    (folder / "DCIM" / ".hidden").write_bytes(b"x")
    with at_desk(browser, house, technician) as page:
        page.goto(f"{house.url}imaging/capture/")
        page.get_by_label("Medical record number (MRN)").fill(" WB-4711 ")
        page.get_by_role("button", name="Open the visit").click()
        page.locator("#folder").set_input_files(folder)
        stored(page, 3)
        expect(page.locator("#folder-said")).to_contain_text("1 files")
        # One is dropped onto a lesion, the others by choosing and pressing it.
        second = page.locator("[data-number='2']")
        page.locator(".tray__item").first.drag_to(second)
        expect(page.locator("#tiles > li")).to_have_count(1)
        page.get_by_role("button", name="Choose all").click()
        page.locator("[data-number='1']").click()
        expect(page.locator("#tiles > li")).to_have_count(3)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#tiles > li")).to_have_count(1)
        # A lesion chosen in a tile, and taken back: the tile says what it said before.
        choice = page.locator("#tiles select").first
        chosen = choice.input_value()
        choice.select_option(index=0)
        expect(page.locator("#undo")).to_contain_text("1 image shows lesion 1")
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#tiles select").first).to_have_value(chosen)
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator("#undo .notice")).to_have_count(0)
        page.goto(f"{house.url}imaging/capture/")
        row = page.get_by_role("row").filter(has_text="Musterfrau")
        expect(row).to_contain_text("WB-4711")
        expect(row.locator(".badge--warning")).to_have_text("2")


def test_files_dropped_with_the_mouse(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        picture = base64.b64encode(photograph(5)).decode()
        transfer = page.evaluate_handle(
            """text => {
                const bytes = Uint8Array.from(atob(text), each => each.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], "dropped.jpg"));
                return transfer;
            }""",
            picture,
        )
        page.dispatch_event("#dropzone", "drop", {"dataTransfer": transfer})
        stored(page, 1)
    assert len(images(technician)) == 1


def test_after_a_break_it_goes_on_by_itself(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        page.route("**/imaging/uploads/*/", lambda route: route.abort("connectionreset"))
        page.locator("#files").set_input_files([payload("1.jpg", photograph(1))])
        said = page.locator("#connection")
        expect(said).to_contain_text("No connection. Everything goes on by itself")
        assert images(technician) == []
        page.unroute("**/imaging/uploads/*/")
        stored(page, 1)
        expect(said).to_be_hidden()
    assert len(images(technician)) == 1


def big() -> bytes:
    """More than one part: a picture that cannot be made small."""
    picture = np.random.default_rng(1).integers(0, 255, (1800, 1800, 3), np.uint8)
    return files.png(picture)


def test_after_a_reload_only_the_rest_is_sent(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    data = big()
    assert len(data) > 2 * 4 * 1024 * 1024
    sent: list[str] = []

    def only_the_first(route: Route) -> None:
        if route.request.headers.get("upload-offset") == "0":
            route.continue_()
        else:
            route.abort("connectionreset")

    def note(request: Request) -> None:
        if request.method == "PATCH":
            sent.append(request.headers["upload-offset"])

    def there() -> int:
        with clinic_context(technician.clinic_id):
            return sum(Upload.objects.values_list("offset", flat=True))

    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        page.route("**/imaging/uploads/*/", only_the_first)
        page.locator("#files").set_input_files([payload("big.png", data)])
        expect(page.locator("#connection")).to_be_visible(timeout=20 * SECOND)
        wait_until(lambda: there() == 4 * 1024 * 1024, what="the first part")
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        page.unroute("**/imaging/uploads/*/")
        offer = page.locator("#unfinished")
        expect(offer).to_contain_text("1 file had not arrived completely")
        expect(offer).to_contain_text("4.0\N{NO-BREAK SPACE}MB of")
        check_axe(page)
        page.on("request", note)
        page.locator("#files").set_input_files([payload("renamed.png", data)])
        stored(page, 1)
        expect(offer).to_have_count(0)
        # Once more: it is known by its content, and nothing of it is sent.
        before = len(sent)
        page.locator("#files").set_input_files([payload("again.png", data)])
        stored(page, 2)
        expect(page.locator("#uploads > li").last).to_contain_text("was here already")
        assert len(sent) == before
    assert sent[0] == str(4 * 1024 * 1024)
    assert len(images(technician)) == 1


def test_what_is_unfinished_can_be_given_up(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        page.route("**/imaging/uploads/*/", lambda route: route.abort("connectionreset"))
        page.locator("#files").set_input_files([payload("1.jpg", photograph(1))])
        expect(page.locator("#connection")).to_be_visible(timeout=20 * SECOND)
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        page.unroute("**/imaging/uploads/*/")
        page.get_by_role("button", name="Discard what is here of them").click()
        expect(page.locator("#unfinished")).to_have_count(0)
    with clinic_context(technician.clinic_id):
        assert not Upload.objects.exists()


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


def dark(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return files.jpeg((np.asarray(opened.convert("RGB")) * 0.1).astype(np.uint8))


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_everybody_can_use_it(
    browser: Browser, house: House, technician: Actor, patient: Any, width: int, scheme: str
) -> None:
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with at_desk(browser, house, technician, **options) as page:
        open_visit(page, house)
        page.locator("#files").set_input_files(
            [payload("1.jpg", photograph(1)), payload("2.jpg", dark(photograph(2))),
             payload("a-very-long-name-of-a-file-that-is-no-picture.jpg", b"<html>")]
        )  # fmt: skip
        stored(page, 2)
        page.get_by_label("These images show").select_option(index=1)
        page.locator("#files").set_input_files([payload("3.jpg", photograph(3))])
        stored(page, 3)
        check_axe(page)
        assert fits(page)
        page.goto(f"{house.url}imaging/capture/")
        check_axe(page)
        assert fits(page)
