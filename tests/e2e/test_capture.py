"""A technician's turn with a patient, by keyboard and by mouse: scan, send, break off, match."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Request, Route, expect

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Upload
from tests.e2e.conftest import House, check_axe
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
from tests.e2e.in_process import fits
from tests.imaging import files
from tests.waiting import wait_until

__all__ = ["patient", "product", "technician"]  # fixtures

pytestmark = pytest.mark.e2e


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


def test_files_chosen_before_the_script_has_come(
    browser: Browser, house: House, technician: Actor, patient: Any
) -> None:
    """A slow line: the button is there, what sends is not yet."""
    with at_desk(browser, house, technician) as page:
        open_visit(page, house)
        held: list[Route] = []
        script = "**/js/capture/main*.js"
        page.route(script, lambda route: held.append(route))
        with page.expect_request(script):
            page.reload(wait_until="commit")
        page.locator("#files").set_input_files([payload("1.jpg", photograph(1))])
        assert len(held) == 1
        held[0].continue_()
        stored(page, 1)
    assert len(images(technician)) == 1
