"""The table of permissions: whole, used, and what the docs show of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from dermaclinic.accounts.models import Role
from dermaclinic.accounts.permissions_page import rendered
from dermaclinic.accounts.policies import POLICY

ROOMS = ("dermaclinic", "patients", "imaging", "inference", "reports")
ASKING = {"can", "find", "require"}


def test_the_page_says_what_the_code_does() -> None:
    call_command("render_permissions", check=True)


def test_an_old_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICY, "patients.patient", {"burn": (Role.DOCTOR.value,)})
    assert "| patient (`patients.patient`) | burn | – | yes | – |" in rendered()
    with pytest.raises(CommandError, match="render_permissions"):
        call_command("render_permissions", check=True)


def test_every_row_is_of_a_model_and_of_roles_that_there_are() -> None:
    for label, verbs in POLICY.items():
        assert apps.get_model(label)._meta.label_lower == label
        for may in verbs.values():
            assert may
            assert set(may) <= set(Role.values)


def asked() -> Iterator[str]:
    """Every verb that the code asks the table about, as written there."""
    for room in ROOMS:
        for path in (Path(settings.BASE_DIR) / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and len(node.args) > 1:
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    if name in ASKING:
                        yield from _words(node.args[1])


def _words(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _words(node.body)
        yield from _words(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_every_verb_that_is_asked_for_is_in_the_table_and_the_other_way_round() -> None:
    in_table = {verb for verbs in POLICY.values() for verb in verbs}
    assert set(asked()) - in_table == set(), "it would be denied to everybody"
    # `visible` asks for "view", a page's buttons for "compare" by a name of their own.
    assert in_table - set(asked()) == set()
