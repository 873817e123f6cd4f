"""What is known beside the image, as numbers: age, sex, body site, symptoms; each may be missing.

Imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SEXES: tuple[str, ...] = ("female", "male")

# The body sites of HAM10000.
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
FLAGS: tuple[str, ...] = ("itch", "grew", "hurt", "changed", "bleed", "elevation")

AGE_CENTRE, AGE_SCALE, AGE_LIMIT = 50.0, 25.0, 120.0


@dataclass(frozen=True)
class Metadata:
    """Age in years, sex ("male" or "female"), body site, and what the person says of the lesion.

    None is "not known".
    """

    age: float | None = None
    sex: str | None = None
    site: str | None = None
    itch: bool | None = None
    grew: bool | None = None
    hurt: bool | None = None
    changed: bool | None = None
    bleed: bool | None = None
    elevation: bool | None = None


@dataclass(frozen=True)
class Fields:
    """Which of it a task reads, and in which words. The order of the vector is that of the parts.

    With `indicators` each part begins with a column that says "missing". Without them a missing
    part is all zeros, so that whether a field was filled in cannot give the answer away.
    """

    age: bool = True
    sex: tuple[str, ...] = SEXES
    site: tuple[str, ...] = SITES
    flags: tuple[str, ...] = ()
    indicators: bool = True

    @classmethod
    def from_manifest(cls, table: Mapping[str, Any]) -> Self:
        """The `metadata` table of a manifest or task. Raises KeyError, ValueError."""
        names = set(table["fields"])
        if unknown := names - {"age", "sex", "site", *FLAGS}:
            raise ValueError(f"unknown metadata fields: {', '.join(sorted(unknown))}")
        return cls(
            age="age" in names,
            sex=tuple(table["sex"]) if "sex" in names else (),
            site=tuple(table["site"]) if "site" in names else (),
            flags=tuple(name for name in FLAGS if name in names),
            indicators=bool(table.get("indicators", True)),
        )

    def manifest(self) -> dict[str, Any]:
        """The inverse of `from_manifest`."""
        table: dict[str, Any] = {"fields": list(self.names), "indicators": self.indicators}
        if self.age:
            table["age"] = "years"
        if self.sex:
            table["sex"] = list(self.sex)
        if self.site:
            table["site"] = list(self.site)
        return table

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that the task reads."""
        wide = (("age", self.age), ("sex", self.sex), ("site", self.site))
        return (*(name for name, there in wide if there), *self.flags)

    @property
    def parts(self) -> dict[str, slice]:
        """Where each field lies in the vector."""
        sizes = {"age": 2, "sex": len(self.sex), "site": len(self.site)}
        parts, start = {}, 0
        for name in self.names:
            stop = start + self.indicators + sizes.get(name, 1)
            parts[name] = slice(start, stop)
            start = stop
        return parts

    @property
    def width(self) -> int:
        """The length of a vector."""
        return max((part.stop for part in self.parts.values()), default=0)

    def known(self, row: Metadata) -> dict[str, float | str | bool]:
        """The fields that the network will really use; a word outside the vocabulary is not one."""
        used: dict[str, float | str | bool] = {}
        if self.age and row.age is not None and 0 <= row.age <= AGE_LIMIT:
            used["age"] = float(row.age)
        if row.sex in self.sex:
            used["sex"] = str(row.sex)
        if row.site in self.site:
            used["site"] = str(row.site)
        for name in self.flags:
            if (value := getattr(row, name)) is not None:
                used[name] = bool(value)
        return used

    def encode(self, rows: Sequence[Metadata]) -> NDArray[np.float32]:
        """Vectors of shape (n, width): ages scaled, words one-hot, symptoms 1 or -1."""
        vectors = self.missing(len(rows))
        parts = self.parts
        for vector, row in zip(vectors, rows, strict=True):
            for name, value in self.known(row).items():
                cells = vector[parts[name]]
                if self.indicators:
                    cells[0] = 0.0
                    cells = cells[1:]
                if name == "age":
                    scaled = (float(value) - AGE_CENTRE) / AGE_SCALE
                    cells[:] = scaled, scaled * scaled
                elif name in FLAGS:
                    cells[0] = 1.0 if value else -1.0
                else:
                    cells[getattr(self, name).index(value)] = 1.0
        return vectors

    def missing(self, count: int) -> NDArray[np.float32]:
        """Vectors of which nothing is known, shape (count, width)."""
        vectors = np.zeros((count, self.width), np.float32)
        if self.indicators:
            vectors[:, [part.start for part in self.parts.values()]] = 1.0
        return vectors

    def drop(
        self,
        vectors: NDArray[np.float32],
        rng: np.random.Generator,
        *,
        each: float,
        everything: float = 0.0,
    ) -> NDArray[np.float32]:
        """A copy with fields made missing at random: each one alone, and all of a row at once."""
        dropped, empty = vectors.copy(), self.missing(1)[0]
        whole = rng.random(len(vectors)) < everything
        for part in self.parts.values():
            rows = whole | (rng.random(len(vectors)) < each)
            dropped[rows, part] = empty[part]
        return dropped


DERMOSCOPY = Fields()
FIELDS = DERMOSCOPY.names
