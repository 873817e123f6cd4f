"""What is known beside the image, as numbers: age, sex and body site; each may be missing.

Imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEXES: tuple[str, ...] = ("female", "male")

# The body sites of HAM10000, the vocabulary that the shipped network was trained with.
SITES: tuple[str, ...] = (
    "abdomen",
    "acral",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "genital",
    "hand",
    "lower extremity",
    "neck",
    "scalp",
    "trunk",
    "upper extremity",
)

FIELDS: tuple[str, ...] = ("age", "sex", "site")

# Columns of the vector: age (missing, x, x²), sex (missing, one-hot), site (missing, one-hot).
AGE = slice(0, 3)
SEX = slice(3, 4 + len(SEXES))
SITE = slice(SEX.stop, SEX.stop + 1 + len(SITES))
WIDTH = SITE.stop

AGE_CENTRE, AGE_SCALE, AGE_LIMIT = 50.0, 25.0, 120.0


@dataclass(frozen=True)
class Metadata:
    """Age in years, sex ("male" or "female"), body site (one of `SITES`); None is "not known"."""

    age: float | None = None
    sex: str | None = None
    site: str | None = None

    def known(self) -> dict[str, float | str]:
        """The fields that the network will really use; a word outside the vocabulary is not one."""
        used: dict[str, float | str] = {}
        if self.age is not None and 0 <= self.age <= AGE_LIMIT:
            used["age"] = float(self.age)
        if self.sex in SEXES:
            used["sex"] = str(self.sex)
        if self.site in SITES:
            used["site"] = str(self.site)
        return used


def encode(rows: Sequence[Metadata]) -> NDArray[np.float32]:
    """Vectors of shape (n, WIDTH): a missing field is all zeros but for its "missing" column."""
    vectors = np.zeros((len(rows), WIDTH), np.float32)
    for vector, row in zip(vectors, rows, strict=True):
        known = row.known()
        if "age" in known:
            scaled = (float(known["age"]) - AGE_CENTRE) / AGE_SCALE
            vector[AGE] = 0.0, scaled, scaled * scaled
        else:
            vector[AGE.start] = 1.0
        if "sex" in known:
            vector[SEX.start + 1 + SEXES.index(str(known["sex"]))] = 1.0
        else:
            vector[SEX.start] = 1.0
        if "site" in known:
            vector[SITE.start + 1 + SITES.index(str(known["site"]))] = 1.0
        else:
            vector[SITE.start] = 1.0
    return vectors


def drop(
    vectors: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    each: float,
    everything: float,
) -> NDArray[np.float32]:
    """A copy with fields made missing at random: each one alone, and all of a row at once."""
    dropped = vectors.copy()
    whole = rng.random(len(vectors)) < everything
    for part in (AGE, SEX, SITE):
        rows = whole | (rng.random(len(vectors)) < each)
        dropped[rows, part] = 0.0
        dropped[rows, part.start] = 1.0
    return dropped
