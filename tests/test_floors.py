"""What import-linter cannot say: which parts of Django the lower rooms of imaging may use."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ["imaging/formats", "imaging/vault.py", "imaging/quality.py"]
ALLOWED = {"django.utils.translation"}


def _files() -> list[Path]:
    found: list[Path] = []
    for room in ROOMS:
        path = PROJECT / room
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def imported(source: str) -> set[str]:
    """Modules that a file imports from Django or from the rest of the product, absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return {name for name in names if name.split(".")[0] in {"django", "rest_framework"}}


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_formats_vault_and_quality_use_only_djangos_translations(path: Path) -> None:
    assert imported(path.read_text()) <= ALLOWED


def test_the_check_sees_imports_wherever_they_stand() -> None:
    source = "def f():\n    from django.db import models\n    import django.conf\n"
    assert imported(source) == {"django.db", "django.conf"}
