"""What a browser loads for each page when it comes for the first time, images aside.

As WhiteNoise and the proxy in front send it: compressed by gzip, which every browser takes. Modules
bring the modules that they import; what they `import()` when it is needed comes later.
"""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from unittest import mock

import pytest
from django.contrib.staticfiles import finders
from django.db import transaction
from django.test import override_settings

from bench.pages.addresses import asks, days, parts
from demo.dermoscopy import draw
from dermaclinic import bell
from tests import factories
from tests.imaging.taking import SPEC
from tests.permissions.callers import with_session
from tests.permissions.scene import Scene

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
LIMIT = 200 * 1024
STATIC = "/static/"
PAGES = [each for each in asks() if each.kind == "page" and each.method == "GET"]
_IMPORT = re.compile(r"""(?:^|[;}\s])(?:import|export)\b[^"'();]*?["']([^"']+)["']""")
_IN_STYLES = re.compile(r"""url\(\s*["']?([^"')]+)""")


class Linked(HTMLParser):
    """The styles, scripts and icons that a page names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.files: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self._add(given.get("src", ""))
        elif tag == "use" or given.get("rel") in ("stylesheet", "modulepreload", "icon"):
            self._add(given.get("href", ""))

    def _add(self, address: str) -> None:
        if address.startswith(STATIC):
            self.files.add(address.removeprefix(STATIC).partition("#")[0])


@cache
def stored(name: str) -> bytes:
    """A static file. An address of none is a defect."""
    found = finders.find(name)
    assert isinstance(found, str), f"there is no {name}"
    return Path(found).read_bytes()


def needed(names: set[str]) -> set[str]:
    """These files, and what they bring at once."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _brought(name)
    return found


@cache
def _brought(name: str) -> list[str]:
    if not name.endswith((".js", ".mjs", ".css")):
        return []
    pattern = _IN_STYLES if name.endswith(".css") else _IMPORT
    named = pattern.findall(stored(name).decode())
    return [normpath(join(dirname(name), each)) for each in named if each.startswith((".", "/"))]


@cache
def compressed(name: str) -> int:
    """Bytes on the wire."""
    return len(gzip.compress(stored(name), 9))


def heaviest(names: set[str]) -> str:
    """What to look at first, for a message."""
    return ", ".join(
        f"{name} {compressed(name)}" for name in sorted(names, key=compressed, reverse=True)[:4]
    )


@pytest.fixture(scope="module")
def loads(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[dict[str, tuple[int, str]]]:
    """For each page its bytes, and which files most of them are."""
    changed = override_settings(
        VAULT_DIR=tmp_path_factory.mktemp("weight") / "vault",
        ACCOUNT_REAUTHENTICATION_TIMEOUT=24 * 3600,
    )
    with django_db_blocker.unblock(), changed, mock.patch.object(bell, "ring_now"):
        with transaction.atomic():
            scene = Scene(factories.clinic("Weighed Clinic"), draw(SPEC, seed=1))
            callers = {role: with_session(actor) for role, actor in scene.people.items()}
            found = {}
            for ask in PAGES:
                names: dict[str, Any] = dict(days())
                for name in parts(ask) - names.keys():
                    names[name] = getattr(scene, ask.row.at.get(name, name))
                path = "/" + ask.path.format(**names)
                with transaction.atomic():
                    answer = callers[ask.role].ask("GET", path, b"", "text/plain", {})
                    transaction.set_rollback(True)
                if answer.headers.get("Content-Type", "").startswith("text/html"):
                    files = needed(Linked(answer.content.decode()).files)
                    page = len(gzip.compress(answer.content, 6))
                    weight = page + sum(map(compressed, files))
                    found[str(ask)] = weight, f"the page {page}, {heaviest(files)}"
            yield found
            transaction.set_rollback(True)


def test_every_page_is_light(loads: dict[str, tuple[int, str]]) -> None:
    assert len(loads) > 40
    heavy = {page: told for page, told in loads.items() if told[0] > LIMIT}
    assert not heavy


def test_what_a_module_imports_is_weighed_with_it() -> None:
    """The scale itself: the review page's viewer comes with its modules, styles with theirs."""
    page = '<script type="module" src="/static/js/review/viewer.js"></script>'
    files = needed(Linked(page).files)
    assert "js/review/viewer.js" in files
    assert len(files) > 1
    assert sum(map(compressed, files)) > compressed("js/review/viewer.js")
