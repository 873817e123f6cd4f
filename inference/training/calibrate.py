"""Fits what comes after the network on lesions it has not seen: temperature, thresholds, limits.

Every lesion counts once, however often it was photographed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from inference.network import limits, posterior
from inference.network.limits import Quality

Array = NDArray[np.float64]

TARGET_SENSITIVITY = 0.9
DECLINED_SHARE = 0.01
SMALLEST_SIDE = 100


@dataclass(frozen=True)
class HeldOut:
    """Outputs on the calibration part: `lesions` names the lesion of each row."""

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    labels: NDArray[np.int64]
    lesions: NDArray[np.str_]
    weights: Array
    quality: list[Quality]


def negative_log_likelihood(probability: Array, labels: NDArray[np.int64], weights: Array) -> float:
    """Weighted mean of -log p(label)."""
    likely = probability[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(likely, 1e-12))).sum() / weights.sum())


def temperature(part: HeldOut, *, drawn_prior: Array, prior: Array) -> float:
    """The temperature with the least lesion-weighted loss, between 0.25 and 8."""

    def loss(log_temperature: float) -> float:
        probability = posterior.probabilities(
            part.logits,
            temperature=float(np.exp(log_temperature)),
            drawn_prior=drawn_prior,
            prior=prior,
        )
        return negative_log_likelihood(probability, part.labels, part.weights)

    best = minimize_scalar(loss, bounds=(np.log(0.25), np.log(8)), method="bounded")
    return float(np.exp(best.x))


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest value with at least `share` of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    index = min(int(np.searchsorted(reached, share - 1e-12)), len(values) - 1)
    return float(values[order][index])


def set_limits(probability: Array, prior: Array, part: HeldOut) -> dict[str, float]:
    """Limits of `posterior.set_scores` whose sets hold the truth of 90 and 95 % of new lesions."""
    rows = np.arange(len(part.labels))
    scores = posterior.set_scores(probability, prior)[rows, part.labels]
    lesions = part.weights.sum()
    return {
        name: weighted_quantile(scores, part.weights, min(1.0, share * (lesions + 1) / lesions))
        for name, share in (("90", 0.90), ("95", 0.95))
    }


def by_lesion(values: Array, lesions: NDArray[np.str_]) -> tuple[Array, NDArray[np.int64]]:
    """The mean of each lesion's images, and the first row of each lesion."""
    _, first, inverse = np.unique(lesions, return_index=True, return_inverse=True)
    sums = np.bincount(inverse, weights=values)
    return sums / np.bincount(inverse), first


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); (0, 1) without a trial."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = (
        z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    )
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def operating_point(malignant: Array, truth: NDArray[np.bool_], part: HeldOut) -> dict[str, Any]:
    """The highest threshold that still finds TARGET_SENSITIVITY of the malignant lesions.

    A lesion's probability is the mean of its images'. The manifest keeps the 95 % lower bound of
    the sensitivity beside the target: with so few lesions the two are far apart.
    """
    probability, first = by_lesion(malignant, part.lesions)
    ill = truth[first]
    missed = int(np.floor((1 - TARGET_SENSITIVITY) * ill.sum()))
    threshold = float(np.floor(np.sort(probability[ill])[missed] * 1e4) / 1e4)
    found = int((probability[ill] >= threshold).sum())
    return {
        "name": "malignancy",
        "threshold": threshold,
        "target_sensitivity": TARGET_SENSITIVITY,
        "sensitivity": found / int(ill.sum()),
        "sensitivity_low": wilson(found, int(ill.sum()))[0],
        "specificity": float((probability[~ill] < threshold).mean()),
    }


def abstention(part: HeldOut, likeness: limits.Likeness) -> dict[str, float]:
    """Limits beyond which the network must not speak.

    The distance accepts all but DECLINED_SHARE of the calibration images. Pixel limits lie well
    outside all of them: they are for covers, flashes and drawn curtains, not for poor images.
    """
    distances = likeness.distances(part.embedding)
    measured = {
        name: np.array([getattr(quality, name) for quality in part.quality])
        for name in ("contrast", "dark", "bright", "sharpness")
    }
    return {
        "smallest_side": float(SMALLEST_SIDE),
        "lowest_contrast": float(measured["contrast"].min() / 2),
        "largest_dark": float((1 + measured["dark"].max()) / 2),
        "largest_bright": float((1 + measured["bright"].max()) / 2),
        "lowest_sharpness": float(measured["sharpness"].min() / 2),
        "largest_distance": float(np.quantile(distances, 1 - DECLINED_SHARE)),
    }
