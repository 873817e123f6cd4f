"""When the network must not speak: images it cannot judge and images unlike those it learned from.

Pixel measures look at the square that the network sees. Likeness is the Mahalanobis distance of
the embedding, brought to unit length, to the nearest class mean of the training images (Lee et al.
2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = 256
SHRINKAGE = 0.1

REASONS: dict[str, str] = {
    "too_small": "The image is too small to be judged; take it again at full resolution.",
    "blank": "The image is blank or nearly so; take it again.",
    "too_dark": "The image is too dark to be judged; take it again with more light.",
    "too_bright": "The image is overexposed; take it again with less light.",
    "blurred": "The image is too blurred to be judged; take it again in focus.",
    "unlike": "The image does not look like the dermoscopic images that this model was trained on.",
}


@dataclass(frozen=True)
class Quality:
    """Contrast (grey standard deviation) and brightness in 0–255; sharpness, see `measure`."""

    contrast: float
    brightness: float
    dark: float
    bright: float
    sharpness: float


def measure(square: NDArray[np.uint8]) -> Quality:
    """Measures of a (size, size, 3) square.

    `dark` and `bright` are shares of pixels below 12 and above 250. `sharpness` is the standard
    deviation of the discrete Laplacian over that of the grey image: free of contrast.
    """
    grey = square.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    laplacian = (
        grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    )
    contrast = float(grey.std())
    return Quality(
        contrast=contrast,
        brightness=float(grey.mean()),
        dark=float((grey < 12).mean()),
        bright=float((grey > 250).mean()),
        sharpness=float(laplacian.std()) / max(contrast, 1e-6),
    )


def reason(side: int, quality: Quality, distance: float, limits: Mapping[str, float]) -> str | None:
    """A key of REASONS, or None when the network may speak. `side` is the shorter, in pixels."""
    if side < limits["smallest_side"]:
        return "too_small"
    if quality.contrast < limits["lowest_contrast"]:
        return "blank"
    if quality.dark > limits["largest_dark"]:
        return "too_dark"
    if quality.bright > limits["largest_bright"]:
        return "too_bright"
    if quality.sharpness < limits["lowest_sharpness"]:
        return "blurred"
    if distance > limits["largest_distance"]:
        return "unlike"
    return None


@dataclass(frozen=True)
class Likeness:
    """Class means in whitened main directions: `basis` (c, d), `centre` (c,), `means` (k, d)."""

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    means: NDArray[np.float32]

    def distances(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distance of each row of (n, c) to the nearest class mean."""
        whitened = (_unit(embedding) - self.centre) @ self.basis
        gaps = whitened[:, None, :] - self.means[None, :, :]
        return np.asarray(np.sqrt((gaps.astype(np.float64) ** 2).sum(axis=2)).min(axis=1))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What a package stores of it."""
        return {
            "likeness/centre": self.centre,
            "likeness/basis": self.basis,
            "likeness/means": self.means,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Likeness:
        """The inverse of `arrays`. Raises KeyError when one is missing."""
        return cls(arrays["likeness/centre"], arrays["likeness/basis"], arrays["likeness/means"])


def fit_likeness(
    embedding: NDArray[np.float32], labels: NDArray[np.int64], classes: int
) -> Likeness:
    """Shared covariance within the classes, shrunk, made white in its main directions."""
    unit = _unit(embedding)
    counts = np.bincount(labels, minlength=classes)
    means = np.stack([unit[labels == label].mean(axis=0) for label in range(classes)])
    within = (unit - means[labels]).astype(np.float64)
    # Each class has the same say, however many images it has.
    within /= np.sqrt(counts[labels] * classes)[:, None]
    values, vectors = np.linalg.eigh(within.T @ within)
    values, vectors = values[::-1][:DIRECTIONS], vectors[:, ::-1][:, :DIRECTIONS]
    basis = (vectors / np.sqrt(values + SHRINKAGE * values.mean())).astype(np.float32)
    centre = means.mean(axis=0).astype(np.float32)
    return Likeness(centre, basis, ((means - centre) @ basis).astype(np.float32))


def _unit(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    # Length tells contrast more than kind (Mueller and Hein 2025): without this step, white noise
    # and photographs of landscapes pass as dermoscopy.
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-6)
