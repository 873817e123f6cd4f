"""What was said of labelled images, as arrays: the one form that all figures are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from inference.engine import Finding
from inference.network.metadata import Metadata
from inference.package import Package

from .labels import Labelled
from .metrics import Array, Bools, Ints

AGE_BANDS: tuple[tuple[str, int, int], ...] = (
    ("under 40", 0, 40),
    ("40-59", 40, 60),
    ("60 and over", 60, 200),
)
MELANOMA = "mel"
UNKNOWN = ""


@dataclass(frozen=True)
class Task:
    """The classes that the arrays speak of: `malignant` (k,) counts premalignant disease in."""

    keys: tuple[str, ...]
    malignant: Bools

    @property
    def melanoma(self) -> int | None:
        return self.keys.index(MELANOMA) if MELANOMA in self.keys else None


class About(TypedDict):
    """The fields of Outcomes that tell of the person."""

    age: Array
    sex: NDArray[np.str_]
    site: NDArray[np.str_]


@dataclass(frozen=True)
class Outcomes:
    """n images of `units` (lesions; patients where they are known) with their true class.

    `probability` and `image_only` are (n, k), `sets` by name (n, k), everything else (n,).
    What is not known of an image: age and lightness NaN, sex and site "".
    """

    truth: Ints
    units: NDArray[np.str_]
    probability: Array
    image_only: Array
    decision: Ints
    triage_score: Array
    urgent: Bools
    declined: Bools
    sets: dict[str, Bools]
    lightness: Array
    age: Array
    sex: NDArray[np.str_]
    site: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: Bools) -> Self:
        """The images for which `rows` (n,) is true."""
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "sets"
        }
        return replace(self, **arrays, sets={name: part[rows] for name, part in self.sets.items()})

    @classmethod
    def of_findings(
        cls, package: Package, rows: Sequence[Labelled], findings: Sequence[Finding]
    ) -> Self:
        """From what an engine found; every row needs a label among the package's classes."""
        keys = package.keys
        shape = (len(rows), len(keys))
        names = sorted(package.manifest.get("sets", {}))
        return cls(
            truth=np.array([keys.index(str(row.label)) for row in rows], np.int64),
            units=np.array([row.unit for row in rows], np.str_),
            probability=np.array(
                [[found.probabilities[key] for key in keys] for found in findings], np.float64
            ).reshape(shape),
            image_only=np.array(
                [[found.image_only[key] for key in keys] for found in findings], np.float64
            ).reshape(shape),
            decision=np.array([keys.index(found.decision) for found in findings], np.int64),
            triage_score=np.array([found.triage_score for found in findings], np.float64),
            urgent=np.array([found.triage == "urgent" for found in findings], np.bool_),
            declined=np.array([found.declined_reason is not None for found in findings], np.bool_),
            sets={
                name: np.array(
                    [[key in found.prediction_sets[name] for key in keys] for found in findings],
                    np.bool_,
                ).reshape(shape)
                for name in names
            },
            lightness=np.array([lightness(found) for found in findings], np.float64),
            **about([row.metadata for row in rows], [row.sex for row in rows]),
        )


def concatenate(parts: Sequence[Outcomes]) -> Outcomes:
    """The images of all parts, in order; the parts have the same sets."""
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Outcomes)
        if field.name != "sets"
    }
    sets = {name: np.concatenate([part.sets[name] for part in parts]) for name in parts[0].sets}
    return Outcomes(**arrays, sets=sets)


def lightness(found: Finding) -> float:
    """Mean grey of the image, 0 to 255; NaN when it was not measured."""
    return float(found.quality.get("brightness", np.nan))


def about(known: Sequence[Metadata], sexes: Sequence[str | None] | None = None) -> About:
    """The fields `age`, `sex` and `site` of Outcomes.

    `sexes` where figures may know a sex that the network must not.
    """
    ages = [np.nan if row.age is None else row.age for row in known]
    named = sexes if sexes is not None else [row.sex for row in known]
    return About(
        age=np.array(ages, np.float64),
        sex=np.array([sex or UNKNOWN for sex in named], np.str_),
        site=np.array([row.site or UNKNOWN for row in known], np.str_),
    )


def bands(values: Array, edges: Sequence[tuple[str, float, float]]) -> NDArray[np.str_]:
    """The name of the band that each value lies in, low ≤ value < high; "" for none."""
    names = np.full(len(values), UNKNOWN, dtype="<U32")
    for name, low, high in edges:
        names[(values >= low) & (values < high)] = name
    return names


def terciles(values: Array) -> list[tuple[str, float, float]]:
    """Darkest, middle and lightest third of the known values, as edges for `bands`."""
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    low, high = np.quantile(known, (1 / 3, 2 / 3))
    return [("darkest", -np.inf, low), ("middle", low, high), ("lightest", high, np.inf)]
