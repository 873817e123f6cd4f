"""A task: what a network is asked, of which images, told what else. One TOML file each.

The files beside this one (`tasks/`) are the tasks that packages are shipped for; training takes the
path of any other. Imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from .classes import DiseaseClass
from .intended import Intended
from .metadata import FLAGS, Fields, Metadata

FOLDER = Path(__file__).with_name("tasks")
SHIPPED = ("ham10000", "pad_ufes_20")
MODALITIES = ("dermoscopy", "clinical")
GROUPINGS = ("lesion", "patient")

_TEXTS = (
    "name",
    "title",
    "modality",
    "grouping",
    "source",
    "data_terms",
    "terms",
    "intended_use",
    "limits_text",
)
_CLASS_KEYS = {"key", "label", "code", "display", "malignant"}
_COLUMNS = ("file", "image", "group", "label")
_WORDS = ("yes", "no", "unknown")


class TaskError(ValueError):
    """The task's file cannot be used; the message says which key is wrong."""


@dataclass(frozen=True)
class Table:
    """How the data set writes its labels down: the file's name, and which column holds what.

    `labels` gives the class's key for each word of the label column, in capitals; `columns` that of
    each metadata field. `sex` is read for figures by sex alone where the network must not see it.
    `yes`, `no` and `unknown` are words in lower case.
    """

    file: str
    image: str
    group: str
    label: str
    labels: Mapping[str, str]
    columns: Mapping[str, str]
    sex: str | None
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """`targets` are wanted sensitivities by class; `nearest` names the class, by SNOMED CT code, of
    a disease of other data sets that has none here. `synonyms` gives this task's word for a body
    site of others. `intended` holds the rules of network/intended.py.
    """

    name: str
    title: str
    modality: str
    grouping: str
    source: str
    data_terms: str
    terms: str
    intended_use: str
    limits_text: str
    classes: tuple[DiseaseClass, ...]
    targets: Mapping[str, float]
    nearest: Mapping[str, str]
    fields: Fields
    synonyms: Mapping[str, str]
    intended: Mapping[str, Any]
    table: Table

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.classes)

    def key_of(self, code: str) -> str | None:
        """The class that holds a disease, by its SNOMED CT code; None where none does."""
        own = {row.code: row.key for row in self.classes}
        return own.get(code) or self.nearest.get(code)

    def told(self, row: Metadata) -> Metadata:
        """What the task reads of it, in its own words."""
        unread = {"age", "sex", "site", *FLAGS} - set(self.fields.names)
        return in_words(replace(row, **dict.fromkeys(unread)), self.synonyms)


def in_words(row: Metadata, synonyms: Mapping[str, str]) -> Metadata:
    """The same with the body site in other words; a site without a synonym stays as it is.

    A package keeps its task's synonyms, so that a clinic's words reach every network in its own.
    """
    return replace(row, site=synonyms.get(row.site, row.site)) if row.site else row


def load(which: str | Path) -> Task:
    """A shipped task by its name, or another one by its file. Raises TaskError."""
    if isinstance(which, str) and which in SHIPPED:
        return _shipped(which)
    return read(Path(which))


def named(name: str) -> Task | None:
    """The shipped task of that name, as a package gives it; None when it is another one."""
    return _shipped(name) if name in SHIPPED else None


@cache
def _shipped(name: str) -> Task:
    return read(FOLDER / f"{name}.toml")


def read(path: Path) -> Task:
    """The task in a file. Raises TaskError for an unreadable one, a missing or a wrong key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TaskError(f"{path}: {error}") from error
    try:
        return _task(table)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None


def _task(table: dict[str, Any]) -> Task:
    parts = {"classes", "metadata", "table", "intended", "nearest"}
    _check("", set(table), {*_TEXTS, *parts} - {"nearest"}, {"nearest"})
    texts = {name: _text("", table, name) for name in _TEXTS}
    _one_of("modality", texts["modality"], MODALITIES)
    _one_of("grouping", texts["grouping"], GROUPINGS)
    classes, targets, labels = _classes(table["classes"])
    metadata = dict(_table("metadata", table["metadata"]))
    synonyms = _words("metadata.synonyms", metadata.pop("synonyms", {}))
    fields = _fields(metadata)
    if strange := sorted(set(synonyms.values()) - set(fields.site)):
        raise TaskError(f"[metadata.synonyms] {strange[0]!r} is no site of the task.")
    nearest = _words("nearest", table.get("nearest", {}))
    keys = [row.key for row in classes]
    for key in nearest.values():
        _one_of("[nearest]", key, keys)
    return Task(
        **texts,
        classes=classes,
        targets=targets,
        nearest=nearest,
        fields=fields,
        synonyms=synonyms,
        intended=_intended(texts["modality"], table["intended"]),
        table=_columns(table["table"], fields, labels),
    )


def _classes(
    rows: Any,
) -> tuple[tuple[DiseaseClass, ...], Mapping[str, float], Mapping[str, str]]:
    if not isinstance(rows, list) or len(rows) < 2:
        raise TaskError("[[classes]] lists at least two classes.")
    classes: list[DiseaseClass] = []
    targets: dict[str, float] = {}
    labels: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        where = f"[[classes]] {number}: "
        _check(where, set(_table(where, row)), _CLASS_KEYS, {"target_sensitivity"})
        key, code, display = (_text(where, row, name) for name in ("key", "code", "display"))
        if not isinstance(row["malignant"], bool):
            raise TaskError(f"{where}malignant is true or false.")
        if not code.isdigit():
            raise TaskError(f"{where}code {code!r} is no SNOMED CT code.")
        if "target_sensitivity" in row:
            target = row["target_sensitivity"]
            if not row["malignant"] or not isinstance(target, float) or not 0 < target < 1:
                raise TaskError(
                    f"{where}target_sensitivity is a share below 1, of a malignant class."
                )
            targets[key] = target
        classes.append(DiseaseClass(key, code, display, row["malignant"]))
        labels[_text(where, row, "label").upper()] = key
    for name in ("key", "code"):
        if len({getattr(row, name) for row in classes}) < len(classes):
            raise TaskError(f"[[classes]] two classes have one {name}.")
    if len(labels) < len(classes):
        raise TaskError("[[classes]] two classes have one label.")
    if not targets:
        raise TaskError("[[classes]] one malignant class at least has a target_sensitivity.")
    return tuple(classes), targets, labels


def _fields(table: dict[str, Any]) -> Fields:
    names = table.get("fields")
    if not isinstance(names, list):
        raise TaskError("[metadata] fields is a list of names.")
    words = {"sex", "site"} & set(names)
    _check("[metadata] ", set(table), {"fields", "indicators", *words}, set())
    try:
        return Fields.from_manifest(table)
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"[metadata] {error}") from error


def _intended(modality: str, rules: Any) -> Mapping[str, Any]:
    table = dict(_table("intended", rules))
    try:
        read_as = Intended.from_manifest({"modality": modality, "intended": table})
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"[intended] {error}") from error
    if modality not in read_as.modalities:
        raise TaskError(f"[intended] modalities lacks the task's own, {modality}.")
    return table


def _columns(table: Any, fields: Fields, labels: Mapping[str, str]) -> Table:
    table = dict(_table("table", table))
    read_as = {name: table.pop(name, None) for name in fields.names}
    if unnamed := [name for name, column in read_as.items() if not isinstance(column, str)]:
        raise TaskError(f"[table] lacks the column of {unnamed[0]}.")
    _check("[table] ", set(table), {*_COLUMNS, *_WORDS}, {"figures_by_sex"})
    return Table(
        file=_text("[table] ", table, "file"),
        image=_text("[table] ", table, "image"),
        group=_text("[table] ", table, "group"),
        label=_text("[table] ", table, "label"),
        labels=labels,
        columns={name: str(column) for name, column in read_as.items()},
        sex=table.get("figures_by_sex") or read_as.get("sex"),
        yes=_list(table, "yes"),
        no=_list(table, "no"),
        unknown=_list(table, "unknown"),
    )


def _list(table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    words = table[name]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TaskError(f"[table] {name} is a list of words.")
    return tuple(word.lower() for word in words)


def _check(where: str, got: set[str], wanted: set[str], allowed: set[str]) -> None:
    if missing := sorted(wanted - got):
        raise TaskError(f"{where}lacks {', '.join(missing)}.")
    if unknown := sorted(got - wanted - allowed):
        raise TaskError(f"{where}does not know {', '.join(unknown)}.")


def _text(where: str, table: Mapping[str, Any], name: str) -> str:
    text = table[name]
    if not isinstance(text, str) or not text.strip():
        raise TaskError(f"{where}{name} is a text.")
    return text.strip()


def _table(where: str, table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise TaskError(f"[{where}] is a table.")
    return table


def _words(where: str, table: Any) -> Mapping[str, str]:
    if not all(isinstance(word, str) for word in _table(where, table).values()):
        raise TaskError(f"[{where}] maps words to words.")
    return dict(table)


def _one_of(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise TaskError(f"{name} {value!r} is none of {', '.join(known)}.")
