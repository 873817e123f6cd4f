"""docs/security.md: each requirement has a test or an honest "not yet", and its files are there."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`([\w/.*-]+(?:\.py|\.js|\.sh|\.toml|\.yml|/))`")
HONEST = ("*not yet*", "*not here*")


def requirements() -> list[tuple[str, str, str]]:
    """Requirement, code and test of every row."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == 3 for row in cells), "a row of the page has three cells"
    return [(a, b, c) for a, b, c in cells if b != "Code"]


@pytest.mark.parametrize("row", requirements(), ids=lambda row: row[0][:60])
def test_every_requirement_has_code_and_test_or_says_not_yet(row: tuple[str, str, str]) -> None:
    _what, code, test = row
    if any(word in code for word in HONEST):
        return
    assert code, "neither code nor “not yet”"
    assert "tests/" in test or "make " in test or "the rows of this page" in code, "no test"
    assert not test or all(found(name, test) for name in NAMED.findall(test)), test
    assert all(found(name, code) for name in NAMED.findall(code)), code


def found(name: str, cell: str) -> bool:
    """Is there such a file: from the root, from dermaclinic/, or beside the one named before it?"""
    folders = {str(Path(each).parent) for each in NAMED.findall(cell) if "/" in each}
    places = [name, f"dermaclinic/{name}", *(f"{folder}/{name}" for folder in folders)]
    return any(list(ROOT.glob(place.rstrip("/"))) for place in places)
