"""A browser whose requests the product answers in this process: no server, and no worker."""

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, Route

ORIGIN = "http://testserver"
PASSED_ON = ("hx-request", "hx-current-url", "x-background", "if-none-match")


def answering(client: Client) -> Callable[[Route], None]:
    """Answers with static files and the product's own pages, forms included.

    Playwright calls from a context of its own; the test's transaction is seen in the test's only.
    """
    context = copy_context()

    def answer(route: Route) -> None:
        url, asked = urlsplit(route.request.url), route.request
        if url.path.startswith("/static/"):
            route.fulfill(path=str(finders.find(url.path.removeprefix("/static/"))))
            return
        headers = {name: asked.headers[name] for name in PASSED_ON if name in asked.headers}
        address = f"{url.path}?{url.query}"
        if asked.method == "POST":
            fields = parse_qs(asked.post_data or "", keep_blank_values=True)
            call = partial(client.post, address, fields, headers=headers)
        else:
            call = partial(client.get, address, headers=headers)
        response: Any = context.copy().run(call)
        sent = {"Content-Type": response.headers.get("Content-Type", "text/html")}
        if "Location" in response.headers:
            sent["Location"] = ORIGIN + response.headers["Location"]
        route.fulfill(status=response.status_code, headers=sent, body=response.content)

    return answer


def opened(browser: Browser, client: Client, *, width: int = 1440, **options: Any) -> Page:
    """A page of its own browser context, which the caller closes."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.route("**/*", answering(client))
    return page


def fits(page: Page) -> bool:
    """Nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
