"""The review page with its panel of similar cases, and the page of histology, in a browser.

The pages are answered by the product in this process: no server and no worker is needed for them.
"""

from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route

from reports.selectors.similar import FEWEST
from reports.services.histology import record_histology
from tests.e2e.conftest import check_axe
from tests.pages.conftest import browser as signed_in
from tests.reports import scenes
from tests.reports.confirmed import cases, opinion

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

ORIGIN = "http://testserver"


def answering(client: Client) -> Callable[[Route], None]:
    """Answers a browser's requests with static files and the product's own pages.

    Playwright calls from a context of its own; the test's transaction is seen in the test's only.
    """
    context = copy_context()

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path.startswith("/static/"):
            route.fulfill(path=str(finders.find(url.path.removeprefix("/static/"))))
            return
        wanted = {"HX-Request": "true"} if "hx-request" in route.request.headers else {}
        address = f"{url.path}?{url.query}"
        response = context.copy().run(partial(client.get, address, headers=wanted))
        route.fulfill(
            status=response.status_code,
            headers={"Content-Type": response["Content-Type"]},
            body=response.content,
        )

    return answer


@pytest.fixture(params=[390, 1440])
def page(request: Any, browser: Browser, doctor: Any) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    made = context.new_page()
    made.route("**/*", answering(signed_in(doctor)))
    yield made
    context.close()


def test_the_panel_opens_by_keyboard(page: Page, doctor: Any, tmp_path: Path) -> None:
    scenes.sighted(doctor)
    asked = opinion(doctor)
    cases(doctor, FEWEST - 2)
    cases(doctor, 2, diagnosis=scenes.NEVUS)
    page.goto(ORIGIN + reverse("reports:review", args=[asked.instance.study_id]))
    assert page.locator(".similar img").count() == 0, "closed, nothing is fetched"
    page.locator(".similar summary").focus()
    page.keyboard.press("Enter")
    page.locator(".similar img").nth(4).wait_for()
    assert page.locator(".similar img").count() == 5
    page.wait_for_function(
        "[...document.querySelectorAll('.similar img')].every(each => each.naturalWidth > 0)"
    )
    assert scenes.events(doctor, "image.viewed", detail__rendition="similar case") == 5
    check_axe(page)
    wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert wide, "nothing makes the page scroll sideways"
    page.screenshot(path=tmp_path / "similar.png", full_page=True)


def test_the_page_of_histology(page: Page, doctor: Any, tmp_path: Path) -> None:
    study, [lesion], _images = scenes.visit(doctor)
    page.goto(f"{ORIGIN}{reverse('reports:histology', args=[lesion.pk])}?visit={study.pk}")
    check_axe(page)
    record_histology(
        actor=doctor, lesion_id=lesion.pk, diagnosis=scenes.MELANOMA,
        reported_on=timezone.localdate(),
    )  # fmt: skip
    page.reload()
    assert page.get_by_text("Malignant melanoma of skin").count() > 0
    check_axe(page)
    page.screenshot(path=tmp_path / "histology.png", full_page=True)
