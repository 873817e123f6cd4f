"""A technician at the desk, for the tests of capture: a web server, a signed-in page, pictures."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from demo.dermoscopy import Capture, Kind, Lesion as Drawn, SkinTone, Spec, draw
from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.demo import children, free_port, wait_for_page
from imaging.models import Instance
from tests import factories
from tests.e2e.conftest import House, _roles
from tests.imaging import files
from tests.pages.conftest import browser as session_of

SECOND = 1000  # milliseconds


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


def dark(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return files.jpeg((np.asarray(opened.convert("RGB")) * 0.1).astype(np.uint8))
