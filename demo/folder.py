"""Real images for the demo: a folder in HAM10000's form, told as invented patients.

The folder holds HAM10000_metadata.csv and the images (there or in `images/`). A lesion with several
images becomes one visit each; names, MRNs and dates are invented, age, sex and site are the file's.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from demo.people import CLINICS, patients
from demo.seeding import Case, Picture, Visit
from patients.body_sites import BODY_SITES

METADATA = "HAM10000_metadata.csv"


class FolderError(ValueError):
    """The folder is not in HAM10000's form; the sentence says what is missing."""


def cases(folder: Path, count: int, *, today: date) -> list[Case]:
    """Up to `count` invented patients, a lesion each. FolderError when nothing can be read."""
    metadata = folder / METADATA
    if not metadata.is_file():
        raise FolderError(f"{metadata} is missing.")
    lesions: dict[str, list[dict[str, str]]] = defaultdict(list)
    with metadata.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if _path(folder, row["image_id"]):
                lesions[row["lesion_id"]].append(row)
    if not lesions:
        raise FolderError(f"No image that {metadata.name} names lies in {folder}.")
    cast = patients(count, today=today)
    chosen = islice(sorted(lesions.items()), count)
    return [
        _case(folder, rows, number, person.family_name, person.given_name, today)
        for number, ((_, rows), person) in enumerate(zip(chosen, cast, strict=False))
    ]


def _path(folder: Path, image_id: str) -> Path | None:
    for path in (folder / f"{image_id}.jpg", folder / "images" / f"{image_id}.jpg"):
        if path.is_file():
            return path
    return None


def _case(
    folder: Path, rows: list[dict[str, str]], number: int, family: str, given: str, today: date
) -> Case:
    first = rows[0]
    age = float(first["age"] or 50)
    names = {site.metadata: site.key for site in BODY_SITES.values()}
    site = names.get(first["localization"], "trunk")
    visits = []
    for turn, row in enumerate(rows):
        day = today - timedelta(days=90 * (len(rows) - turn) + number % 60)
        when = datetime(day.year, day.month, day.day, 9, turn % 60, tzinfo=UTC)
        visits.append(Visit(when, 1, partial(_pictures, folder, row["image_id"])))
    return Case(
        clinic=CLINICS[0 if number % 3 < 2 else 1].slug,
        identity={
            "mrn": f"FOLDER-{number:05}",
            "family_name": family,
            "given_name": given,
            "birth_date": today - timedelta(days=int(age * 365.25) + 180),
            "sex": first["sex"] if first["sex"] in ("female", "male") else "unknown",
        },
        consents={"care": True, "ai_opinion": True},
        lesions=[
            {"body_site": site, "laterality": "left" if BODY_SITES[site].paired else ""},
        ],
        truth=[first["dx"]],
        visits=visits,
    )


def _pictures(folder: Path, image_id: str) -> Iterator[Picture]:
    path = _path(folder, image_id)
    if path is not None:
        yield Picture(0, path.read_bytes(), "image.jpg")
