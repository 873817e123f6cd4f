"""Small model packages for tests: valid in every part, with random weights.

`described` writes one that can be read and registered but not served, in milliseconds and without
TensorFlow; `served` writes one with a real, untrained network. `shipped` finds those of the
repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import package
from inference.network.classes import CLASSES
from inference.network.limits import Likeness
from inference.network.metadata import DERMOSCOPY, Fields
from inference.package import Package

FEATURES = 1280  # of the encoder
SIZE = 64  # pixels a side: the smallest square whose last maps are more than one cell
TRAINING_IDS = ("image-1", "image-2")


def shipped(name: str = "ham10000-standard") -> Path:
    """The folder of a package of the repository."""
    return Path(package.__file__).with_name("packages") / name


def all_shipped() -> list[Path]:
    """Those that are there and of the format that is served."""
    folders = sorted(path.parent for path in shipped("").glob(f"*/{package.MANIFEST}"))
    return [path for path in folders if "\nmembers = " in (path / package.MANIFEST).read_text()]


def manifest(
    *,
    classes: Sequence[Any] = CLASSES,
    fields: Fields = DERMOSCOPY,
    size: int = SIZE,
    **changes: Any,
) -> dict[str, Any]:
    """A manifest as training writes it, but for the hashes. `changes` replace whole entries."""
    keys = [row.key for row in classes]
    even = dict.fromkeys(keys, 1 / len(keys))
    ill = [row.key for row in classes if row.malignant]
    thresholds = dict(zip(ill, np.linspace(0.3, 0.5, len(ill)).tolist(), strict=True))
    return {
        "name": "test-package",
        "version": "1",
        "task": "ham10000",
        "modality": "dermoscopy",
        "intended_use": "Tests.",
        "terms": "None.",
        "members": 2,
        "symmetries": 8,
        "mask": False,
        "saliency_scale": 1.0,
        "temperature": 1.0,
        "prior": dict(even),
        "drawn_prior": dict(even),
        "classes": [asdict(row) for row in classes],
        "input": {"size": size, "channels": "RGB, 0-255", "fit": "centre square"},
        "metadata": fields.manifest(),
        "operating_points": [
            {
                "name": key,
                "threshold": threshold,
                "target_sensitivity": 0.9,
                "sensitivity": 0.93,
                "sensitivity_low": 0.9,
                "specificity": 0.7,
                "lesions": 100,
            }
            for key, threshold in thresholds.items()
        ],
        "operating_curve": [
            {
                "class": key,
                "target": target,
                "threshold": round(threshold + 0.5 * (0.9 - target), 6),
                "sensitivity": target + 0.03,
                "sensitivity_low": target,
                "specificity": round(0.7 + 0.8 * (0.9 - target), 6),
            }
            for key, threshold in thresholds.items()
            for target in (0.8, 0.85, 0.9, 0.95)
        ],
        "sets": {"90": 0.9, "95": 0.95},
        "limits": {"smallest_side": float(size), "largest_distance": 1e6},
        "data": {"source": "Nothing.", "terms": "None."},
        **changes,
    }


def likeness(classes: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Arrays that measure some distance."""
    rng = np.random.default_rng(seed)
    centre, basis, means = (
        rng.normal(size=shape).astype(np.float32)
        for shape in ((FEATURES,), (FEATURES, 4), (classes, 4))
    )
    return Likeness(centre, basis, means).arrays()


def described(folder: Path, **changes: Any) -> Package:
    """A package without a network, for whatever only reads and registers it."""
    whole = manifest(**changes)
    # Other weights for another version: the registry knows a package by their hash.
    seed = sum(f"{whole['name']} {whole['version']}".encode())
    arrays = likeness(len(whole["classes"]), seed)
    return package.write(folder, whole, arrays, "# Card\n", training_ids=TRAINING_IDS)


def small(root: Path, name: str, *, metrics: Any = None, **changes: Any) -> Path:
    """The folder of a `described` package of that name, with a metrics.json if there are any."""
    folder = root / name
    described(folder, **{"name": name, "version": "1.0.0", **changes})
    if metrics is not None:
        (folder / package.METRICS).write_text(json.dumps(metrics))
    return folder


def served(folder: Path, *, seed: int = 0, **changes: Any) -> Package:
    """A package with an untrained network, that the engine can load."""
    whole = manifest(**changes)
    return package.write(
        folder, whole, arrays_for(whole, seed), "# Card\n", training_ids=TRAINING_IDS
    )


def arrays_for(whole: Mapping[str, Any], seed: int = 0) -> dict[str, NDArray[Any]]:
    """Random weights of the network that a manifest describes; no two members are alike."""
    import keras

    from inference.network import ensemble

    keras.utils.set_random_seed(seed)
    network = ensemble.build(
        size=whole["input"]["size"],
        width=Fields.from_manifest(whole["metadata"]).width,
        classes=len(whole["classes"]),
        members=whole["members"],
        symmetries=whole["symmetries"],
        mask=whole["mask"],
    )
    return {**lively(network.arrays(), seed), **likeness(len(whole["classes"]), seed)}


def lively(arrays: Mapping[str, NDArray[Any]], seed: int = 0) -> dict[str, NDArray[Any]]:
    """The same weights drawn so that an image still matters after fifty layers."""
    rng = np.random.default_rng(seed)
    return {name: _lively(name, array, rng) for name, array in arrays.items()}


def _lively(name: str, array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Kernels that keep the signal's strength (He et al. 2015), and a head with a bias.

    As Keras draws them, nothing of the image is left at the end.
    """
    if name.endswith("/head/bias"):
        return rng.normal(size=array.shape).astype(np.float32)
    if array.ndim != 4:
        return array
    fed = array.size / (array.shape[2] if array.shape[3] == 1 else array.shape[3])
    return rng.normal(0, np.sqrt(2 / fed), array.shape).astype(np.float32)
