"""Reads the label tables that `evaluate` knows: HAM10000, PAD-UFES-20 and ISIC ground truths.

What leaks the label (`dx_type`, `biopsed`, and PAD-UFES-20's `gender`, which is missing only where
nothing is malignant) is never read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.network.classes import KEYS
from inference.network.metadata import Metadata

SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")

# Squamous cell carcinoma has no class of its own here; akiec, which holds its in-situ form and its
# precursor, is the nearest and counts as malignant too.
PAD_DIAGNOSES = {
    "ACK": "akiec",
    "BCC": "bcc",
    "MEL": "mel",
    "NEV": "nv",
    "SCC": "akiec",
    "SEK": "bkl",
}
PAD_REGIONS = {
    "ABDOMEN": "abdomen",
    "ARM": "upper extremity",
    "BACK": "back",
    "CHEST": "chest",
    "EAR": "ear",
    "FACE": "face",
    "FOOT": "foot",
    "FOREARM": "upper extremity",
    "HAND": "hand",
    "LIP": "face",
    "NECK": "neck",
    "NOSE": "face",
    "SCALP": "scalp",
    "THIGH": "lower extremity",
}
ISIC_COLUMNS = {**{key.upper(): key for key in KEYS}, "AK": "akiec", "SCC": "akiec"}


class LabelsRefused(ValueError):
    """The table is of no known kind, or a row of it cannot be read."""


@dataclass(frozen=True)
class Labelled:
    """One row: `label` is a class key or None where the table cannot tell.

    Rows of one `unit` (a lesion; a patient in PAD-UFES-20) are resampled together.
    """

    image: str
    unit: str
    label: str | None
    metadata: Metadata
    sex: str | None = None


def read(table: Path) -> list[Labelled]:
    """The rows of a label table. Raises FileNotFoundError and LabelsRefused."""
    with table.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        columns = set(reader.fieldnames or ())
        rows = list(reader)
    if {"image_id", "dx"} <= columns:
        convert = _ham10000
    elif {"img_id", "diagnostic"} <= columns:
        convert = _pad_ufes
    elif "image" in columns and len(columns & set(ISIC_COLUMNS)) > 1:
        convert = _isic
    else:
        raise LabelsRefused(
            f"{table} is no table that evaluate knows: HAM10000 (image_id, dx), PAD-UFES-20 "
            "(img_id, diagnostic) or ISIC (image, MEL, NV, …)."
        )
    labelled = []
    for number, row in enumerate(rows, start=2):
        try:
            labelled.append(convert(row))
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


def word(value: str | None) -> str | None:
    """A word in lower case, or None for an empty cell or "unknown"."""
    text = (value or "").strip().lower()
    return text if text not in ("", "unknown", "nan", "na") else None


def years(value: str | None) -> float | None:
    """An age in years, or None for an empty cell or "unknown"."""
    text = word(value)
    return float(text) if text is not None else None


def _ham10000(row: dict[str, str]) -> Labelled:
    sex = word(row.get("sex"))
    known = Metadata(years(row.get("age")), sex, word(row.get("localization")))
    label = word(row["dx"])
    if label is not None and label not in KEYS:
        raise ValueError(f"unknown diagnosis {label}")
    return Labelled(
        _stem(row["image_id"]), row.get("lesion_id") or row["image_id"], label, known, sex
    )


def _pad_ufes(row: dict[str, str]) -> Labelled:
    region = PAD_REGIONS.get(row.get("region", "").strip().upper())
    sex = word(row.get("gender"))
    return Labelled(
        _stem(row["img_id"]),
        row.get("patient_id") or row["img_id"],
        PAD_DIAGNOSES[row["diagnostic"].strip().upper()],
        Metadata(years(row.get("age")), None, region),
        sex,
    )


def _isic(row: dict[str, str]) -> Labelled:
    positive = [
        key for column, key in ISIC_COLUMNS.items() if column in row and float(row[column]) > 0.5
    ]
    label = positive[0] if len(positive) == 1 else None
    return Labelled(_stem(row["image"]), row["image"], label, Metadata())


def _stem(name: str) -> str:
    path = Path(name.strip())
    if path.name != name.strip() or not path.name:
        raise ValueError(f"{name!r} is no image name")
    return path.stem if path.suffix in SUFFIXES else path.name
