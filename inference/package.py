"""A model package: a folder with `manifest.toml`, `weights.npz`, `training_ids.txt`, `card.md`.

The manifest names the SHA-256 of the weights and of the list of images they learned from; a package
that does not match is refused, and no other network takes its place. `metrics.json`, which
`evaluate` wrote, may stand beside. Imports neither Keras nor TensorFlow, knows nothing of Django.
"""

from __future__ import annotations

import hashlib
import io
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.network import task
from inference.network.metadata import Fields
from inference.toml_text import dump

MANIFEST, WEIGHTS, CARD = "manifest.toml", "weights.npz", "card.md"
TRAINING_IDS, METRICS = "training_ids.txt", "metrics.json"
SYMMETRIES = (1, 8)  # of the square in which an image is shown to the network
SALIENCY_SCALE = 12.0  # logits of evidence in one cell that are drawn at full strength
CURVE = ("class", "target", "threshold", "sensitivity", "sensitivity_low", "specificity")
REQUIRED = (
    "name",
    "version",
    "task",
    "modality",
    "intended_use",
    "classes",
    "input",
    "metadata",
    "members",
    "symmetries",
    "temperature",
    "prior",
    "drawn_prior",
    "operating_points",
    "limits",
    "data",
    "weights",
)


class PackageRefused(Exception):
    """The package is incomplete, damaged or not of a kind that this program can serve."""


@dataclass(frozen=True)
class PackageClass:
    """One class of the network: the key of its data set, SNOMED CT code and display."""

    key: str
    code: str
    display: str
    malignant: bool


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the triage score for the sake of one class, and what it held out of fold.

    `sensitivity` is that of the class's `lesions`, `sensitivity_low` its one-sided 90 % bound.
    """

    name: str
    threshold: float
    target_sensitivity: float
    sensitivity: float
    sensitivity_low: float
    specificity: float
    lesions: int


@dataclass(frozen=True)
class Package:
    """What a folder holds, checked. `sha256` is that of the weights file, in hexadecimal.

    The network has so many `members` behind one stem of `stem_blocks` bottlenecks, sees each image
    in so many `symmetries`, and draws the lesion's outline where `mask`. `saliency_scale` is the
    evidence, in logits, that a map shows at full strength. `synonyms` turn a body site of others
    into a word of `fields`.
    """

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
    fields: Fields
    synonyms: Mapping[str, str]
    members: int
    symmetries: int
    stem_blocks: int
    fusion: str
    mask: bool
    saliency_scale: float
    limits: Mapping[str, float]
    card: str = field(repr=False)

    @property
    def modality(self) -> str:
        """How the images are taken that it may judge."""
        return str(self.manifest["modality"])

    @property
    def task(self) -> str:
        return str(self.manifest["task"])

    @property
    def binding_point(self) -> OperatingPoint:
        """The one that decides: with the least of the thresholds every promise is kept at once."""
        return min(self.operating_points, key=lambda point: point.threshold)

    @property
    def training_ids(self) -> Path:
        """The list of images that it learned from, one id a line."""
        return self.folder / TRAINING_IDS

    @property
    def metrics(self) -> Path:
        """The figures that `evaluate` wrote of it; the file need not exist."""
        return self.folder / METRICS

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
    network = manifest.get("network", {})
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
            fields=Fields.from_manifest(manifest["metadata"]),
            synonyms=_synonyms(manifest),
            members=manifest["members"],
            symmetries=manifest["symmetries"],
            stem_blocks=int(network.get("stem_blocks", 6)),
            fusion=str(network.get("fusion", "metablock")),
            mask=manifest.get("mask", False),
            saliency_scale=float(manifest.get("saliency_scale", SALIENCY_SCALE)),
            limits={name: float(value) for name, value in manifest["limits"].items()},
            card=(folder / CARD).read_text() if (folder / CARD).is_file() else "",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PackageRefused(f"{folder / MANIFEST} cannot be used: {error!r}.") from error
    for sound, sentence in _checks(package):
        if not sound:
            raise PackageRefused(f"{folder / MANIFEST}: {sentence}")
    _check_training_ids(package)
    return package


def _checks(package: Package) -> Iterable[tuple[bool, str]]:
    """What must hold of a manifest, each with the sentence that says it does not."""
    manifest, keys = package.manifest, package.keys
    points, sets = package.operating_points, manifest.get("sets", {})
    yield len(set(keys)) == len(keys) > 1, "two classes at least, and each once."
    yield bool(package.malignant.any()), "no class is malignant, so triage has nothing to find."
    yield _positive(package.temperature), "the temperature must be positive."
    yield _positive(package.saliency_scale), "the saliency scale must be positive."
    yield (
        type(package.members) is int and package.members > 0,
        "members must be a whole number, one or more.",
    )
    yield package.symmetries in SYMMETRIES, "symmetries must be 1 or 8."
    yield isinstance(package.mask, bool), "mask must be true or false."
    yield package.input_size > 0 and package.input_size % 32 == 0, "input size: a multiple of 32."
    yield all(math.isfinite(value) for value in package.limits.values()), "a limit is not finite."
    yield "smallest_side" in package.limits, "the limit smallest_side is missing."
    yield (
        package.limits.get("smallest_side", 0) <= package.input_size,
        "an image as large as the network's square cannot be too small.",
    )
    yield bool(points), "there is no operating point."
    yield (
        len({point.name for point in points}) == len(points)
        and {point.name for point in points} <= {row.key for row in package.classes},
        "each operating point is for another of its classes.",
    )
    yield all(0 <= point.threshold <= 1 for point in points), "a threshold is not within 0 and 1."
    yield (
        all(set(CURVE) <= set(row) and row["class"] in keys for row in _curve(manifest)),
        f"a row of the operating curve needs {', '.join(CURVE)}, of a class of the package.",
    )
    yield (
        isinstance(sets, dict) and all(0 <= limit <= 1 for limit in sets.values()),
        "a limit of the prediction sets is not within 0 and 1.",
    )


def _curve(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(manifest.get("operating_curve", []))


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _check_training_ids(package: Package) -> None:
    path, data = package.training_ids, package.manifest["data"]
    promised = data.get("training_ids_sha256") if isinstance(data, dict) else None
    if promised is None:
        raise PackageRefused(
            f"{package.folder / MANIFEST} does not tell which images the network learned from "
            "(data.training_ids_sha256): nobody could say whether a figure is honest."
        )
    if not path.is_file():
        raise PackageRefused(f"{path} is missing: nobody could say whether a figure is honest.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != promised:
        raise PackageRefused(f"{path} is not the list that the manifest names.")


def write(
    folder: Path,
    manifest: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    card: str,
    *,
    training_ids: Iterable[str],
) -> Package:
    """Write a package and read it back, checked. Matrices and kernels go in half precision.

    `training_ids` are those of all images that any weight was fitted on. Raises ValueError for
    weights that half precision cannot hold, PackageRefused as `read` does.
    """
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
    ids = "".join(f"{name}\n" for name in sorted(set(training_ids))).encode()
    (folder / TRAINING_IDS).write_bytes(ids)
    learned = {**manifest.get("data", {}), "training_ids_sha256": hashlib.sha256(ids).hexdigest()}
    return describe(folder, {**manifest, "data": learned, "weights": weights}, card)


def describe(folder: Path, manifest: Mapping[str, Any], card: str) -> Package:
    """Write manifest and card beside weights that are there, and read the package, checked."""
    (folder / MANIFEST).write_text(dump(manifest))
    (folder / CARD).write_text(card)
    return read(folder)


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
    if not isinstance(manifest["limits"], dict):
        raise PackageRefused(f"{path}: limits must be a table.")
    return manifest


def _synonyms(manifest: dict[str, Any]) -> dict[str, str]:
    """This network's words for the body sites of others: its own, or those of its task."""
    known = task.named(str(manifest["task"]))
    given = manifest["metadata"].get("synonyms", known.synonyms if known else {})
    return {str(word): str(own) for word, own in given.items()}


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
