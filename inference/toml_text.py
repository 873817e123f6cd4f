"""TOML as packages write it; Python's own module only reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def dump(table: Mapping[str, Any]) -> str:
    """TOML of strings, numbers, booleans, flat lists, tables and lists of tables."""
    lines: list[str] = []
    _dump(table, (), lines)
    return "\n".join(lines).strip() + "\n"


def _dump(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    later: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or (isinstance(value, list) and _tables(value)):
            later.append((key, value))
        elif value is not None:
            lines.append(f"{_key(key)} = {_literal(value)}")
    for key, value in later:
        name = ".".join(map(_key, (*path, key)))
        rows = value if isinstance(value, list) else [value]
        brackets = "[[{}]]" if isinstance(value, list) else "[{}]"
        for row in rows:
            lines.extend(("", brackets.format(name)))
            _dump(row, (*path, key), lines)


def _tables(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(row, Mapping) for row in value)


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else _literal(name)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(round(value, 6))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(part) for part in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
