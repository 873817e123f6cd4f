"""Every page of the product, in everybody's name: its headers, and nothing inline in it."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.template.loader import render_to_string
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, path

from dermaclinic.edge.middleware import HEADERS, WITH_CAMERA
from tests.permissions.conftest import matrix  # noqa: F401 - a fixture, by its name
from tests.permissions.expected import ROWS
from tests.permissions.matrix import Matrix, rolled_back

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
EXACT = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": HEADERS["Permissions-Policy"],
}
MEMBERS = ("nobody", "technician", "doctor", "administrator")
WITH_DRAWINGS = ("api/docs/", "account/second-factors/app/")  # inside a style sheet, or in a page
WITH_VIEWFINDER = ("imaging/capture/", "imaging/visits/<uuid:study_id>/")
PUBLIC = ("healthz", "readyz", "metrics")


ADDRESSES = ("href", "src", "action", "hx-get", "hx-post")


class Inline(HTMLParser):
    """Collects what a strict policy forbids: scripts and styles in the page, handlers, schemes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        is_data = said.get("type") == "application/json"  # run by nobody, whatever the policy
        self._open = tag if tag == "script" and "src" not in said and not is_data else ""
        if tag == "style":
            self.found.append("<style>")
        if tag in ("base", "iframe", "object", "embed"):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.found.append(f"{tag} {name}={value}")
            if name in ADDRESSES and _is_foreign(value or "") and not _is_drawing(tag, value):
                self.found.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._open == "script" and data.strip():
            self.found.append(f"<script>{data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def _is_drawing(tag: str, address: str | None) -> bool:
    """A picture in the page itself: an image runs nothing, wherever it comes from."""
    return tag == "img" and str(address).startswith("data:image/")


def _is_foreign(address: str) -> bool:
    return bool(re.match(r"\s*([a-z][a-z0-9+.-]*:|//)", address, re.I))


def inline(page: str) -> list[str]:
    """What in a page would need a looser policy."""
    parser = Inline()
    parser.feed(page)
    return parser.found


def policy(response: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response["Content-Security-Policy"].split(";"))
    return {name: value for name, _space, value in parts}


def complaints(response: Any, *, draws: bool = False, films: bool = False) -> list[str]:
    """What is not as it must be. A page that `films` may ask for the camera, for nothing else."""
    allows = [HEADERS["Permissions-Policy"], *([WITH_CAMERA] if films else [])]
    found = [
        f"{name}: {response.headers.get(name)}"
        for name, value in EXACT.items()
        if response.headers.get(name) != value
        and not (name == "Permissions-Policy" and response.headers.get(name) in allows)
    ]
    allowed = [POLICY, POLICY | {"img-src": "'self' data:"}] if draws else [POLICY]
    if policy(response) not in allowed:
        found.append(f"policy {policy(response)}")
    if "no-store" not in response.headers.get("Cache-Control", ""):
        found.append(f"cache {response.headers.get('Cache-Control')}")
    talkative = ("Server", "X-Powered-By", "Access-Control-Allow-Origin")
    found += [name for name in talkative if name in response.headers]
    if response.headers.get("Content-Type", "").startswith("text/html"):
        found += inline(response.content.decode())
    return found


@pytest.mark.django_db  # inside of the scene's transaction
def test_every_page_and_answer(matrix: Matrix, settings: Any) -> None:  # noqa: F811 - the fixture
    settings.VAULT_DIR = matrix.vault
    found, pages, met = [], 0, set()
    for row in ROWS:
        if row.route in PUBLIC:
            continue
        draws, films = row.route in WITH_DRAWINGS, row.route in WITH_VIEWFINDER
        for caller in MEMBERS:
            for method in ("GET", "POST"):
                with rolled_back():
                    response, _said = matrix.ask(row, method, caller)
                html = response.headers.get("Content-Type", "").startswith("text/html")
                pages += html
                met.add((html, response.status_code))
                found += [
                    f"{method} {row.route} by {caller} ({response.status_code}): {each}"
                    for each in complaints(response, draws=draws, films=films)
                ]
    assert not found, "\n".join(found[:40])
    assert pages > 100
    assert {(True, 200), (True, 403), (True, 404), (False, 200)} <= met


def test_the_camera_alone_is_opened_and_to_us_alone() -> None:
    before, after = (set(text.split(", ")) for text in (HEADERS["Permissions-Policy"], WITH_CAMERA))
    assert after - before == {"camera=(self)"}
    assert before - after == {"camera=()"}


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500", "errors/stopped"])
def test_error_pages_have_nothing_inline(name: str) -> None:
    assert not inline(render_to_string(f"{name}.html"))


def _breaks(_request: Any) -> Any:
    raise RuntimeError("a defect")


urlpatterns: list[URLPattern | URLResolver] = [path("breaks/", _breaks)]


@override_settings(ROOT_URLCONF="tests.edge.test_headers")
@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore")
def test_a_defect_has_the_headers_too() -> None:
    from dermaclinic import urls

    urlpatterns[1:] = urls.urlpatterns
    client = Client(raise_request_exception=False)
    response = client.get("/breaks/")
    assert response.status_code == 500
    assert not complaints(response)


@pytest.mark.django_db
def test_the_parser_sees_what_is_inline() -> None:
    for page in (
        "<script>x()</script>",
        "<style>p{}</style>",
        '<p style="x">',
        "<p onclick=x()>",
        '<a href="javascript:x()">',
        '<a href=" data:text/html,x">',
        '<img src="//example.com/a.png">',
        '<p hx-on:click="x()">',
        "<iframe></iframe>",
    ):
        assert inline(page), page
    assert not inline('<script src="/a.js"></script><a href="/b">c</a><p>style="no"</p>')


def secure(**changes: Any) -> Any:
    """As production has it (its settings cannot be imported twice: they need their own secrets)."""
    return override_settings(
        SECURE_HSTS_SECONDS=365 * 24 * 3600,
        SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
        SECURE_HSTS_PRELOAD=True,
        SECURE_SSL_REDIRECT=True,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_NAME="__Host-session",
        CSRF_COOKIE_SECURE=True,
        CSRF_COOKIE_NAME="__Host-csrf",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        **changes,
    )


@pytest.mark.django_db
def test_over_https_the_browser_is_told_to_stay_there() -> None:
    with secure():
        response = Client().get("/sign-in/", secure=True)
        assert response.headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains; preload"
        )
        cookie = response.cookies["__Host-csrf"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert cookie["httponly"] and cookie["samesite"] == "Lax"
        plain = Client().get("/sign-in/")
        assert (plain.status_code, plain["Location"]) == (301, "https://testserver/sign-in/")


def test_static_files_have_them_too(tmp_path: Any) -> None:
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    middleware = list(django_settings.MIDDLEWARE)
    edge = middleware.index("dermaclinic.edge.middleware.EdgeMiddleware")
    middleware.insert(edge + 1, "whitenoise.middleware.WhiteNoiseMiddleware")
    with override_settings(STATIC_ROOT=tmp_path, MIDDLEWARE=middleware):
        response = Client().get("/static/a.svg")
        assert b"".join(response.streaming_content)
        response.close()
    assert response.status_code == 200
    assert policy(response) == POLICY
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in response.headers["Cache-Control"]
