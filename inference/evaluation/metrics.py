"""Figures of a classifier, each None where a set cannot tell, and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 15
RESAMPLES = 1000


def confusion(truth: Ints, decision: Ints, classes: int, weights: Array | None = None) -> Array:
    """Weighted counts, shape (classes, classes): rows the truth, columns the decision."""
    flat = np.bincount(truth * classes + decision, weights, classes * classes)
    return flat.astype(np.float64).reshape(classes, classes)


def balanced_accuracy(counts: Array) -> float | None:
    """Mean sensitivity over the classes that occur."""
    totals = counts.sum(axis=1)
    if not totals.any():
        return None
    return float((np.diag(counts)[totals > 0] / totals[totals > 0]).mean())


def sensitivity(counts: Array, label: int) -> float | None:
    total = counts[label].sum()
    return float(counts[label, label] / total) if total else None


def specificity(counts: Array, label: int) -> float | None:
    others = np.delete(counts, label, axis=0)
    total = others.sum()
    return float(1 - others[:, label].sum() / total) if total else None


def auc(truth: NDArray[np.bool_], score: Array) -> float | None:
    """Area under the ROC curve; None unless both kinds occur."""
    return _told(resampled_auc(truth, score, np.ones((1, len(truth))))[0])


def resampled_auc(truth: NDArray[np.bool_], score: Array, weights: Array) -> Array:
    """The area for each row of `weights` (resamples, n); NaN where one kind does not occur.

    The share of pairs in the right order, ties counting half: one sort for all resamples.
    """
    order = np.argsort(score, kind="stable")
    sorted_score, sorted_truth, sorted_weights = score[order], truth[order], weights[:, order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_score) > 0][: len(score)])
    if not len(starts):
        return np.full(len(weights), np.nan)
    ill = np.add.reduceat(sorted_weights * sorted_truth, starts, axis=1)
    well = np.add.reduceat(sorted_weights * ~sorted_truth, starts, axis=1)
    below = np.cumsum(well, axis=1) - well / 2
    pairs = ill.sum(axis=1) * well.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray((ill * below).sum(axis=1) / pairs)


def resampled_share(right: NDArray[np.bool_], members: NDArray[np.bool_], weights: Array) -> Array:
    """The share of the members that are right, for each row of `weights`; NaN without members."""
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ (members & right)) / (weights @ members))


def calibration_error(truth: Ints, probability: Array) -> float | None:
    """Expected calibration error of the likeliest class, in 15 bins of equal width."""
    if not len(truth):
        return None
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - confidence, BINS)
    return float(np.abs(gaps).sum() / len(truth))


def unit_weights(units: NDArray[np.str_], *, seed: int, resamples: int = RESAMPLES) -> Array:
    """How often each row counts in each resample of whole units, shape (resamples, n)."""
    _, inverse = np.unique(units, return_inverse=True)
    count = int(inverse.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), resamples)
    return drawn[:, inverse].astype(np.float64)


def spread(values: Sequence[float | None] | Array) -> tuple[float, float] | None:
    """The 95 % percentile interval of resampled values (Efron and Tibshirani 1993), or None."""
    numbers = np.array(values, np.float64)
    told = numbers[~np.isnan(numbers)]
    if not len(told):
        return None
    low, high = np.quantile(told, (0.025, 0.975))
    return float(low), float(high)


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
