"""The single fits behind `calibrate.fit`, each on arrays in which every lesion weighs one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from inference.network import posterior
from inference.network.limits import Quality

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SET_SHARES = (("90", 0.90), ("95", 0.95))
DECLINED_SHARE = 0.01
SMALLEST_SIDE = 100


def temperature(
    logits: NDArray[np.floating],
    labels: Ints,
    weights: Array,
    *,
    drawn_prior: Array,
    prior: Array,
) -> float:
    """The temperature with the least weighted loss (Guo et al. 2017), between 0.25 and 8."""

    def loss(log_temperature: float) -> float:
        probability = posterior.probabilities(
            logits, temperature=float(np.exp(log_temperature)), drawn_prior=drawn_prior, prior=prior
        )
        return negative_log_likelihood(probability, labels, weights)

    best = minimize_scalar(loss, bounds=(np.log(0.25), np.log(8)), method="bounded")
    return float(np.exp(best.x))


def negative_log_likelihood(probability: Array, labels: Ints, weights: Array) -> float:
    """Weighted mean of -log p(label)."""
    likely = probability[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(likely, 1e-12))).sum() / weights.sum())


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest value with at least `share` of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    index = min(int(np.searchsorted(reached, share - 1e-12)), len(values) - 1)
    return float(values[order][index])


def set_limits(
    probabilities: Sequence[Array], labels: Ints, weights: Array, prior: Array
) -> dict[str, float]:
    """Limits of `posterior.set_scores` whose sets hold the truth of 90 and 95 % of new lesions.

    Split conformal prediction (Vovk et al. 2005). Of several ways to predict the same images, with
    and without metadata, the greatest limit keeps the promise for each.
    """
    rows, lesions = np.arange(len(labels)), weights.sum()
    scores = [posterior.set_scores(one, prior)[rows, labels] for one in probabilities]
    return {
        name: max(
            weighted_quantile(one, weights, min(1.0, share * (lesions + 1) / lesions))
            for one in scores
        )
        for name, share in SET_SHARES
    }


def abstention(quality: Sequence[Quality], distances: Array, weights: Array) -> dict[str, float]:
    """Limits beyond which the network must not speak.

    The distance accepts all but DECLINED_SHARE of the lesions here. Pixel limits lie well outside
    all of them: they are for covers, flashes and drawn curtains, not for poor images.
    """
    measured = {
        name: np.array([getattr(one, name) for one in quality])
        for name in ("contrast", "dark", "bright", "sharpness")
    }
    return {
        "smallest_side": float(SMALLEST_SIDE),
        "lowest_contrast": float(measured["contrast"].min() / 2),
        "largest_dark": float((1 + measured["dark"].max()) / 2),
        "largest_bright": float((1 + measured["bright"].max()) / 2),
        "lowest_sharpness": float(measured["sharpness"].min() / 2),
        "largest_distance": weighted_quantile(distances, weights, 1 - DECLINED_SHARE),
    }
