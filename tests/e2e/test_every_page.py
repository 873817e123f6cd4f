"""Every page in a browser, by role: axe finds nothing, nothing scrolls sideways, nobody complains.

The pages are those of the table that tests/permissions holds against the resolver: a new page is
looked at by itself. `make test` shows each page once, in one of the four combinations of theme and
width; `make e2e` shows each in all of them.
"""

from collections.abc import Callable, Iterator
from itertools import product as pairs
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from playwright.sync_api import Browser, ConsoleMessage, Error

from demo.dermoscopy import draw
from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor
from tests.imaging.taking import SPEC
from tests.pages.conftest import browser as signed_in
from tests.permissions.expected import ROWS
from tests.permissions.matrix import PART
from tests.permissions.scene import Scene
from tests.permissions.shapes import CALLERS, Row

pytestmark = pytest.mark.e2e

COMBINATIONS = list(pairs(("light", "dark"), (320, 1440)))
# Swagger UI writes this page's markup: for those who program against the API, and not ours to mend.
THEIRS = {"api/docs/"}
ROLES = ("technician", "doctor", "administrator")


@pytest.fixture
def scene(
    transactional_db: None, product: str, _products_vault: None, _slow_hashes: None, clinic: Any
) -> Scene:
    made = Scene(clinic, draw(SPEC, seed=1))
    # Served as in development, where doctors and administrators need a second factor.
    clinic_settings.change(actor=made.people["administrator"], number=0, mfa_roles=[])
    return made


def pages(scene: Scene, role: str) -> Iterator[str]:
    """The addresses of what this role may open, other than the API."""
    for row in ROWS:
        answers = row.expected("GET")
        ours = not row.route.startswith("api/v1/") and row.route not in THEIRS
        if ours and answers[CALLERS.index(role)] == 200:
            yield address(scene, row)


def address(scene: Scene, row: Row) -> str:
    return "/" + PART.sub(lambda part: str(getattr(scene, row.at.get(part[1], part[1]))), row.route)


class Window:
    """A page of a browser that the actor has signed in with; `heard` are its complaints."""

    def __init__(self, browser: Browser, url: str, actor: Actor, theme: Any, width: int) -> None:
        self.url = url.rstrip("/")
        self.heard: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        name = django_settings.SESSION_COOKIE_NAME
        cookie = signed_in(actor).cookies[name].value
        self.context.add_cookies([{"name": name, "value": cookie, "url": url}])
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.heard.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, line: ConsoleMessage) -> None:
        # Chromium itself reports every answer of 400 and above.
        if line.type == "error" and "Failed to load resource" not in line.text:
            self.heard.append(line.text)

    def complaints(self, path: str) -> list[str]:
        """What is wrong with one page; nothing for a fragment or a file."""
        self.heard.clear()
        try:
            answer = self.page.goto(self.url + path)
        except Error as error:
            if "Download is starting" in error.message:
                return []
            raise
        if answer is None or not answer.headers["content-type"].startswith("text/html"):
            return []
        if not self.page.evaluate("document.doctype !== null"):
            return []
        for broken in Axe().run(self.page).response["violations"]:
            where = ", ".join(str(node["target"]) for node in broken["nodes"])
            self.heard.append(f"{broken['id']}: {where}")
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.heard.append(f"{wide} px wider than the window")
        return [f"{path}: {each}" for each in self.heard]


Combination = tuple[str, int]


def show(
    browser: Browser, url: str, scene: Scene, chosen: Callable[[int, int], list[Combination]]
) -> str:
    """All complaints; `chosen` gives a page's combinations from its role's and its own place."""
    found: list[str] = []
    for number, role in enumerate(ROLES):
        windows: dict[Combination, Window] = {}
        for index, path in enumerate(pages(scene, role)):
            for theme, width in chosen(number, index):
                window = windows.get((theme, width))
                if window is None:
                    window = Window(browser, url, scene.people[role], theme, width)
                    windows[theme, width] = window
                found += [f"{role}, {theme}, {width} px, {e}" for e in window.complaints(path)]
        for window in windows.values():
            window.context.close()
    return "\n".join(found)


def test_every_page_once(browser: Browser, product: str, scene: Scene) -> None:
    found = show(browser, product, scene, lambda role, page: [COMBINATIONS[(role + page) % 4]])
    assert not found, found


@pytest.mark.matrix
@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_every_page_in_each(
    browser: Browser, product: str, scene: Scene, combination: Combination
) -> None:
    found = show(browser, product, scene, lambda _role, _page: [combination])
    assert not found, found
