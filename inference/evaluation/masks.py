"""Dice and Jaccard of the drawn masks against a folder of reference masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inference.network import shape

from . import metrics

# HAM10000 and the ISIC archive; PH2; and a folder that names masks like their images.
NAMES = (
    "{}_segmentation.png",
    "{}_Segmentation.png",
    "{}_lesion.bmp",
    "{}_lesion.png",
    "{}.png",
    "{}.bmp",
)


def reference(folder: Path, image: str) -> NDArray[np.bool_] | None:
    """The reference mask (h, w) of an image, or None when there is none that can be read."""
    for name in NAMES:
        path = folder / name.format(image)
        if path.is_file():
            try:
                with Image.open(path) as mask:
                    return np.asarray(mask.convert("L")) > 127
            except (OSError, UnidentifiedImageError):
                return None
    return None


def score(
    found: Mapping[str, NDArray[np.uint8] | None],
    folder: Path,
    *,
    lesions: Mapping[str, str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare grids over whole frames, (rows, columns) of 0–255, at the references' resolution.

    What is compared is what is shown: the one lesion of `shape.lesion`. None, no mask drawn, counts
    as an empty one. Out: "dice" and "jaccard", each {"value", "low", "high"}, the mean over images
    with its bootstrap interval over lesions (`lesions` names those of the images; without it each
    image is its own), all None without a reference; "n" images scored; "missing", the names without
    a reference that can be read; and "per_image", {image: (dice, jaccard)}.
    """
    scores: dict[str, tuple[float, float]] = {}
    missing: list[str] = []
    for image, grid in found.items():
        wanted = reference(folder, image)
        if wanted is None:
            missing.append(image)
            continue
        both, either = overlap(wanted, grid)
        # Two empty masks agree wholly.
        scores[image] = (2 * both / (both + either), both / either) if either else (1.0, 1.0)
    units = np.array([(lesions or {}).get(image, image) for image in scores], np.str_)
    values = np.array(list(scores.values()), np.float64).reshape(-1, 2)
    return {
        "dice": _mean(values[:, 0], units, seed),
        "jaccard": _mean(values[:, 1], units, seed),
        "n": len(scores),
        "missing": missing,
        "per_image": scores,
    }


def _mean(
    values: NDArray[np.float64], units: NDArray[np.str_], seed: int
) -> dict[str, float | None]:
    if not len(values):
        return {"value": None, "low": None, "high": None}
    weights = metrics.unit_weights(units, seed=seed)
    bounds = metrics.spread(weights @ values / weights.sum(axis=1))
    low, high = bounds or (None, None)
    return {"value": float(values.mean()), "low": low, "high": high}


def overlap(wanted: NDArray[np.bool_], grid: NDArray[np.uint8] | None) -> tuple[int, int]:
    """Pixels in both the reference and the grid's lesion, and in either."""
    if grid is None:
        return 0, int(wanted.sum())
    rows, columns = wanted.shape
    drawn = Image.fromarray(shape.lesion(grid)).resize((columns, rows), Image.Resampling.BILINEAR)
    inside = np.asarray(drawn) > shape.LEVEL
    return int((wanted & inside).sum()), int((wanted | inside).sum())
