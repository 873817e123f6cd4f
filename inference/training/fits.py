"""The single fits behind `calibrate.fit`, each on arrays in which every lesion weighs one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from inference.network import posterior

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SET_SHARES = (("90", 0.90), ("95", 0.95))


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
