"""Figures of a classifier, each None where a set cannot tell, and their intervals.

Two kinds of interval: percentiles of a bootstrap over whole lesions (Efron and Tibshirani 1993),
and exact ones of a share (Clopper and Pearson 1934).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Range = tuple[float, float]

RESAMPLES = 1000
CURVE_POINTS = 100


def confusion(truth: Ints, decision: Ints, classes: int, weights: Array | None = None) -> Array:
    """Weighted counts, shape (classes, classes): rows the truth, columns the decision."""
    flat = np.bincount(truth * classes + decision, weights, classes * classes)
    return flat.astype(np.float64).reshape(classes, classes)


def resampled_confusion(truth: Ints, decision: Ints, classes: int, weights: Array) -> Array:
    """A table for each row of `weights` (resamples, n), shape (resamples, classes, classes)."""
    cells = np.eye(classes * classes)[truth * classes + decision]
    return np.asarray((weights @ cells).reshape(len(weights), classes, classes))


def balanced_accuracy(counts: Array) -> float | None:
    """Mean sensitivity over the classes that occur."""
    return told(resampled_balanced_accuracy(counts[None])[0])


def resampled_balanced_accuracy(tables: Array) -> Array:
    """Balanced accuracy of each table (resamples, classes, classes); NaN for an empty one."""
    totals = tables.sum(axis=2)
    right = np.diagonal(tables, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(totals > 0, right / totals, 0).sum(axis=1)
        return np.asarray(shares / (totals > 0).sum(axis=1))


def sensitivity(counts: Array, label: int) -> float | None:
    """Share of the class `label` that is called so."""
    total = counts[label].sum()
    return float(counts[label, label] / total) if total else None


def specificity(counts: Array, label: int) -> float | None:
    """Share of the other classes that is not called `label`."""
    others = np.delete(counts, label, axis=0)
    total = others.sum()
    return float(1 - others[:, label].sum() / total) if total else None


def auc(truth: Bools, score: Array) -> float | None:
    """Area under the ROC curve; None unless both kinds occur."""
    return told(resampled_auc(truth, score, np.ones((1, len(truth))))[0])


def resampled_auc(truth: Bools, score: Array, weights: Array) -> Array:
    """The area for each row of `weights` (resamples, n); NaN where one kind does not occur.

    The share of pairs in the right order, ties counting half: one sort for all resamples.
    """
    if truth.all() or not truth.any():
        return np.full(len(weights), np.nan)
    order = np.argsort(score, kind="stable")
    ill, well = order[truth[order]], order[~truth[order]]
    # Of each ill row, how many well rows score less, and how many no more.
    less = np.searchsorted(score[well], score[ill], side="left")
    no_more = np.searchsorted(score[well], score[ill], side="right")
    areas = np.empty(len(weights))
    for row, one in enumerate(weights):
        weights_ill, below = one[ill], np.concatenate([[0.0], np.cumsum(one[well])])
        pairs = weights_ill.sum() * below[-1]
        found = weights_ill @ (below[less] + below[no_more])
        areas[row] = found / (2 * pairs) if pairs else np.nan
    return areas


def roc(truth: Bools, score: Array, most: int = CURVE_POINTS) -> list[list[float]]:
    """At most `most` points [false positive rate, true positive rate], from 0, 0 to 1, 1."""
    if truth.all() or not truth.any():
        return []
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(score[order]) < 0, True])
    hits, misses = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    curve = np.stack([np.r_[0, misses / misses[-1]], np.r_[0, hits / hits[-1]]], axis=1)
    if len(curve) > most:
        # Evenly along the curve, whose length from corner to corner is 2, so that the steep
        # beginning keeps its shape.
        kept = np.searchsorted(curve.sum(axis=1), np.linspace(0, 2, most - 1))
        curve = curve[np.unique(np.r_[0, np.minimum(kept, len(curve) - 1), len(curve) - 1])]
    return [[round(float(x), 5), round(float(y), 5)] for x, y in curve]


def resampled_share(right: Bools, members: Bools, weights: Array) -> Array:
    """The share of the members that are right, for each row of `weights`; NaN without members."""
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ (members & right)) / (weights @ members))


def unit_weights(units: NDArray[np.str_], *, seed: int, resamples: int = RESAMPLES) -> Array:
    """How often each row counts in each resample of whole units, shape (resamples, n)."""
    if not len(units):
        return np.zeros((resamples, 0))
    _, inverse = np.unique(units, return_inverse=True)
    count = int(inverse.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), resamples)
    return drawn[:, inverse].astype(np.float64)


def spread(values: Sequence[float | None] | Array) -> Range | None:
    """The 95 % percentile interval of resampled values, or None."""
    numbers = np.array(values, np.float64)
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def exact_bounds(successes: float, trials: float, *, beyond: float = 0.025) -> Range:
    """The exact interval of a share (Clopper and Pearson 1934); (0, 1) without a trial.

    `beyond` is the chance left outside at either end: 0.025 for a 95 % interval, 0.1 for a lower
    bound of one-sided 90 %. Trials need not be whole numbers.
    """
    if trials <= 0:
        return 0.0, 1.0
    low = betaincinv(successes, trials - successes + 1, beyond) if successes > 0 else 0.0
    high = betaincinv(successes + 1, trials - successes, 1 - beyond) if successes < trials else 1.0
    return float(low), float(high)


def share_of(right: Bools, units: NDArray[np.str_]) -> dict[str, float | int | None]:
    """A share of images with its exact interval: n, lesions, value, low, high.

    Images of one lesion are no independent trials, so the interval takes as many trials as there
    are lesions.
    """
    lesions = len(np.unique(units))
    if not lesions:
        return {"n": 0, "lesions": 0, "value": None, "low": None, "high": None}
    value = float(right.mean())
    low, high = exact_bounds(value * lesions, lesions)
    return {"n": len(right), "lesions": lesions, "value": value, "low": low, "high": high}


def by_lesion(values: Array, lesions: NDArray[np.str_]) -> tuple[Array, Ints]:
    """The mean of each lesion's images, and the first row of each lesion."""
    _, first, inverse = np.unique(lesions, return_index=True, return_inverse=True)
    sums = np.bincount(inverse, weights=values)
    return sums / np.bincount(inverse), first


def told(value: float) -> float | None:
    """NaN as None."""
    return None if np.isnan(value) else float(value)
