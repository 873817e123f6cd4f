"""A model package: a folder with `manifest.toml`, `weights.npz` and `card.md`, read and written.

The manifest names the SHA-256 of the weights; a package that does not match is refused, and no
other network takes its place. Imports neither Keras nor TensorFlow, knows nothing of Django.
"""

from __future__ import annotations

import hashlib
import io
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MANIFEST, WEIGHTS, CARD = "manifest.toml", "weights.npz", "card.md"
REQUIRED = (
    "name",
    "version",
    "task",
    "modality",
    "intended_use",
    "classes",
    "input",
    "metadata",
    "temperature",
    "prior",
    "drawn_prior",
    "operating_points",
    "limits",
    "weights",
)


class PackageRefused(Exception):
    """The package is incomplete, damaged or not of a kind that this program can serve."""


@dataclass(frozen=True)
class PackageClass:
    """One class of the network: HAM10000's key, SNOMED CT code and display."""

    key: str
    code: str
    display: str
    malignant: bool


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the malignant probability and what it held on the calibration part."""

    name: str
    threshold: float
    target_sensitivity: float
    sensitivity: float
    sensitivity_low: float
    specificity: float


@dataclass(frozen=True)
class Package:
    """What a folder holds, checked. `sha256` is that of the weights file, in hexadecimal."""

    folder: Path
    manifest: dict[str, Any]
    name: str
    version: str
    sha256: str
    classes: tuple[PackageClass, ...]
    operating_points: tuple[OperatingPoint, ...]
    temperature: float
    prior: NDArray[np.float64]
    drawn_prior: NDArray[np.float64]
    input_size: int
    limits: Mapping[str, float]
    card: str = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.classes)

    @property
    def malignant(self) -> NDArray[np.bool_]:
        """Which classes count as malignant, shape (classes,)."""
        return np.array([row.malignant for row in self.classes])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights by name, in float32. Raises PackageRefused when they changed since `read`."""
        data = (self.folder / WEIGHTS).read_bytes()
        _compare(hashlib.sha256(data).hexdigest(), self.sha256, self.folder)
        with np.load(io.BytesIO(data), allow_pickle=False) as saved:
            return {name: saved[name].astype(np.float32) for name in saved.files}


def read(folder: Path) -> Package:
    """Read and check a package. Raises PackageRefused with what is wrong."""
    manifest = _manifest(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise PackageRefused(f"{weights} is missing: without its weights a package says nothing.")
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    try:
        _compare(sha256, manifest["weights"]["sha256"], folder)
        package = Package(
            folder=folder,
            manifest=manifest,
            name=manifest["name"],
            version=manifest["version"],
            sha256=sha256,
            classes=tuple(PackageClass(**row) for row in manifest["classes"]),
            operating_points=tuple(OperatingPoint(**row) for row in manifest["operating_points"]),
            temperature=float(manifest["temperature"]),
            prior=_shares(manifest, "prior"),
            drawn_prior=_shares(manifest, "drawn_prior"),
            input_size=int(manifest["input"]["size"]),
            limits={name: float(value) for name, value in manifest["limits"].items()},
            card=(folder / CARD).read_text() if (folder / CARD).is_file() else "",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PackageRefused(f"{folder / MANIFEST} cannot be used: {error!r}.") from error
    if not (math.isfinite(package.temperature) and package.temperature > 0):
        raise PackageRefused(f"{folder / MANIFEST}: the temperature must be positive.")
    if not package.operating_points:
        raise PackageRefused(f"{folder / MANIFEST} has no operating point.")
    return package


def write(
    folder: Path, manifest: dict[str, Any], arrays: Mapping[str, NDArray[Any]], card: str
) -> Package:
    """Write a package and read it back, checked. Matrices and kernels go in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    with np.errstate(over="ignore"):  # what becomes infinite is refused below
        small = {
            name: value.astype(np.float16 if value.ndim > 1 else np.float32)
            for name, value in arrays.items()
        }
    if overflown := [name for name, value in small.items() if not np.isfinite(value).all()]:
        raise ValueError(f"Not finite in half precision: {', '.join(overflown)}.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **small)  # type: ignore[arg-type]  # savez takes any keywords
    data = buffer.getvalue()
    (folder / WEIGHTS).write_bytes(data)
    weights = {"file": WEIGHTS, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return describe(folder, {**manifest, "weights": weights}, card)


def describe(folder: Path, manifest: Mapping[str, Any], card: str) -> Package:
    """Write manifest and card beside weights that are there, and read the package, checked."""
    (folder / MANIFEST).write_text(dump(manifest))
    (folder / CARD).write_text(card)
    return read(folder)


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
            lines.append(f"{key} = {_literal(value)}")
    for key, value in later:
        name = ".".join((*path, key))
        rows = value if isinstance(value, list) else [value]
        brackets = "[[{}]]" if isinstance(value, list) else "[{}]"
        for row in rows:
            lines.extend(("", brackets.format(name)))
            _dump(row, (*path, key), lines)


def _tables(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(row, Mapping) for row in value)


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


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise PackageRefused(f"{folder} is no model package: {MANIFEST} is missing.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageRefused(f"{path} cannot be read: {error}") from error
    if missing := [name for name in REQUIRED if name not in manifest]:
        raise PackageRefused(f"{path} lacks {', '.join(missing)}.")
    return manifest


def _shares(manifest: dict[str, Any], name: str) -> NDArray[np.float64]:
    shares = np.array([float(manifest[name][row["key"]]) for row in manifest["classes"]])
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-3:
        raise ValueError(f"{name} must be positive and sum to 1")
    return shares / shares.sum()


def _compare(found: str, promised: str, folder: Path) -> None:
    if found != promised:
        raise PackageRefused(
            f"The weights in {folder} are not those that its manifest names "
            f"(SHA-256 {found[:12]}…, promised {promised[:12]}…)."
        )
