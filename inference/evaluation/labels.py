"""Reads the label tables that `evaluate` knows: those of the tasks, and ISIC ground truths.

A table of another task than the package's is put into the package's classes by SNOMED CT code, and
into its words. What leaks the label (`dx_type`, `biopsed`, and PAD-UFES-20's `gender`, which is
missing only where nothing is malignant) is never read for the network.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.network import task as tasks
from inference.network.classes import CLASSES
from inference.network.metadata import FLAGS, Metadata
from inference.network.task import Task

SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")

# The columns of ISIC's one-hot tables, as SNOMED CT codes.
ISIC_COLUMNS = {
    **{row.key.upper(): row.code for row in CLASSES},
    "AK": "201101007",
    "SCC": "254651007",
}


class LabelsRefused(ValueError):
    """The table is of no known kind, or a row of it cannot be read."""


@dataclass(frozen=True)
class Labelled:
    """One row: `label` is a class key of the task, or None where the table cannot tell.

    Rows of one `unit` (a lesion; a patient in PAD-UFES-20) are resampled together.
    """

    image: str
    unit: str
    label: str | None
    metadata: Metadata
    sex: str | None = None


def read(table: Path, task: Task | None = None) -> list[Labelled]:
    """The rows of a label table as the task sees them, by default that of dermoscopic images.

    Raises FileNotFoundError and LabelsRefused.
    """
    asked = task or tasks.load("ham10000")
    with table.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        columns = set(reader.fieldnames or ())
        rows = list(reader)
    known = [asked, *(tasks.load(name) for name in tasks.SHIPPED)]
    written = next((each for each in known if _columns(each) <= columns), None)
    if written is None and ("image" not in columns or len(columns & set(ISIC_COLUMNS)) < 2):
        raise LabelsRefused(
            f"{table} is no table that evaluate knows: HAM10000 (image_id, dx), PAD-UFES-20 "
            "(img_id, diagnostic) or ISIC (image, MEL, NV, …)."
        )
    labelled = []
    for number, row in enumerate(rows, start=2):
        try:
            labelled.append(_isic(row, asked) if written is None else _row(row, written, asked))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise LabelsRefused(f"{table}, line {number}: cannot be read ({error}).") from error
    return labelled


def find_images(folder: Path, rows: Iterable[Labelled]) -> dict[str, Path]:
    """The files of `folder` by image name, for the rows that have one there."""
    found = {}
    for row in rows:
        paths = (folder / (row.image + suffix) for suffix in SUFFIXES)
        if path := next((path for path in paths if path.is_file()), None):
            found[row.image] = path
    return found


def word(value: str | None, *unknown: str) -> str | None:
    """A word in lower case, or None for an empty cell, "unknown", or another word for it."""
    text = (value or "").strip().lower()
    return text if text not in ("", "unknown", "nan", "na", *unknown) else None


def years(value: str | None) -> float | None:
    """An age in years, or None for an empty cell or "unknown"."""
    text = word(value)
    return float(text) if text is not None else None


def _columns(task: Task) -> set[str]:
    return {task.table.image, task.table.label}


def _row(row: dict[str, str], written: Task, asked: Task) -> Labelled:
    """A row of the table of the task `written`, for the task `asked`."""
    table = written.table
    name = (row[table.label] or "").strip()
    key = table.labels.get(name.upper())
    if key is None and word(name) is not None:
        raise ValueError(f"unknown diagnosis {name}")
    if key is not None and written is not asked:
        key = asked.key_of(next(each.code for each in written.classes if each.key == key))
    sex = row.get(table.sex) if table.sex else None
    return Labelled(
        stem(row[table.image]),
        row.get(table.group) or row[table.image],
        key,
        asked.told(_metadata(row, written)),
        word(sex),
    )


def _metadata(row: dict[str, str], task: Task) -> Metadata:
    """What the task reads; a column that the table lacks, or an empty cell, is not known."""
    cells = {
        name: word(row.get(column), *task.table.unknown)
        for name, column in task.table.columns.items()
    }
    answers = dict.fromkeys(task.table.yes, True) | dict.fromkeys(task.table.no, False)
    flags: dict[str, bool | None] = {}
    for name in FLAGS:
        cell = cells.get(name)
        if cell is not None and cell not in answers:
            raise ValueError(f"{name} is {cell!r}")
        flags[name] = None if cell is None else answers[cell]
    return Metadata(years(cells.get("age")), cells.get("sex"), cells.get("site"), **flags)


def _isic(row: dict[str, str], asked: Task) -> Labelled:
    positive = [
        code for column, code in ISIC_COLUMNS.items() if column in row and float(row[column]) > 0.5
    ]
    label = asked.key_of(positive[0]) if len(positive) == 1 else None
    return Labelled(stem(row["image"]), row["image"], label, Metadata())


def stem(name: str) -> str:
    """An image's name without its ending. Raises ValueError for a path."""
    path = Path(name.strip())
    if path.name != name.strip() or not path.name:
        raise ValueError(f"{name!r} is no image name")
    return path.stem if path.suffix in SUFFIXES else path.name
