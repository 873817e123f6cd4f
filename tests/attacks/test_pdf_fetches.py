"""A PDF's text may come from anybody: nothing in it makes the worker open an address."""

import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from dermaclinic.pdf import SCHEME, CannotRender, _weasyprint, draw
from tests.imaging import files

ID = b"0" * 32
INSIDE = "http://169.254.169.254/latest/meta-data/"
PAGE = "<!doctype html><html lang=en><title>t</title><body>{}</body></html>"
HUGE = "data:image/png;base64," + base64.b64encode(bytes(8_000_000)).decode()
ADDRESSES = [
    INSIDE,
    "http://localhost:6379/",
    "https://example.com/a.png",
    "HTTP://example.com/a.png",
    "//example.com/a.png",
    "ftp://example.com/a.png",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "FILE:/etc/passwd",
    "gopher://example.com/_x",
    "jar:file:///etc/passwd!/x",
    "/etc/passwd",
    "../../etc/passwd",
    "report:nothing",
    "report:../../etc/passwd",
    "report:http://example.com/",
    "rePort:lesion",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
    HUGE,
]
PLACES = [
    '<img alt="x" src="{}">',
    '<object data="{}"></object>',
    '<embed src="{}">',
    '<link rel="stylesheet" href="{}">',
    '<link rel="attachment" href="{}">',
    '<style>@import "{}";</style>',
    '<style>@import url("{}");</style>',
    "<style>@font-face {{ font-family: x; src: url('{}') }} p {{ font-family: x }}</style><p>x",
    "<p style=\"background: url('{}')\">x",
    "<style>p::before {{ content: url('{}') }}</style><p>x",
    "<style>li {{ list-style-image: url('{}') }}</style><ul><li>x</ul>",
]


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever was connected to, looked up or read from outside of the installation."""
    found: list[str] = []

    def tell(*what: Any, **_: Any) -> Any:
        found.append(str(what))
        raise OSError("no way out")

    monkeypatch.setattr(socket.socket, "connect", tell)
    monkeypatch.setattr(socket, "getaddrinfo", tell)
    monkeypatch.setattr(socket, "create_connection", tell)
    return found


@pytest.mark.parametrize("place", PLACES)
def test_no_place_of_a_document_fetches(place: str, opened: list[str]) -> None:
    for address in (INSIDE, "file:///etc/passwd", "ftp://example.com/a", ADDRESSES[-3]):
        with pytest.raises(CannotRender) as refused:
            draw(PAGE.format(place.format(address)), {}, identifier=ID)
        assert "root:" not in str(refused.value)
    assert not opened


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda each: each[:40])
def test_no_address_is_opened(address: str, opened: list[str]) -> None:
    with pytest.raises(CannotRender) as refused:
        draw(PAGE.format(f'<img alt="x" src="{address}">'), {"lesion": files.jpeg()}, identifier=ID)
    assert len(str(refused.value)) < 200
    assert not opened


def test_an_image_inside_an_image_fetches_nothing(tmp_path: Path, opened: list[str]) -> None:
    """An SVG in a picture's place would have addresses of its own."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(files.png())
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="9" height="9"><image xlink:href="file://{secret}" width="9" height="9"/>'
        f'<image href="{INSIDE}" width="9" height="9"/></svg>'
    )
    page = PAGE.format(f'<img alt="x" src="{SCHEME}lesion">')
    try:
        data = draw(page, {"lesion": svg.encode()}, identifier=ID)
    except CannotRender:
        data = b""
    assert b"/Subtype /Image" not in data
    assert not opened


def test_a_redirect_has_nowhere_to_go() -> None:
    """Neither of the ways in which WeasyPrint asks, and no handler of urllib's is left."""
    _library, fetcher, refusal = _weasyprint({})
    assert not fetcher.handlers and not fetcher.handle_open
    for ask in (fetcher.fetch, fetcher.open, fetcher):
        with pytest.raises(refusal):
            ask("http://example.com/redirects-to-file")


def test_what_is_embedded_is_drawn() -> None:
    page = PAGE.format(f'<h1>Title</h1><p>Words</p><img alt="x" src="{SCHEME}lesion">')
    data = draw(page, {"lesion": files.jpeg()}, identifier=ID)
    assert data.startswith(b"%PDF-")
    assert data == draw(page, {"lesion": files.jpeg()}, identifier=ID)


def test_a_link_is_text_and_no_visit(opened: list[str]) -> None:
    data = draw(PAGE.format(f'<a href="{INSIDE}">here</a>'), {}, identifier=ID)
    assert data.startswith(b"%PDF-") and not opened
