"""How far probabilities may be taken at their word: calibration error, Brier score, slope.

The calibration error looks at the likeliest class, in 15 bins of equal width. A plain one is never
zero, even of a perfect forecaster: a bin's share of hits scatters around its mean confidence. The
debiased one takes that off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

from .metrics import Array, Bools, Ints, spread, told

BINS = 15
FEWEST_EVENTS = 20
STEPS = 25
PART = 20  # resamples fitted at once, so that their arrays stay near the processor


def calibration_error(truth: Ints, probability: Array) -> float | None:
    """Expected calibration error (Naeini et al. 2015), plain."""
    return told(_errors(truth, probability, np.ones((1, len(truth))))["ece"][0])


def debiased_error(truth: Ints, probability: Array) -> float | None:
    """The same, less what scatter alone would give in each bin, and never below 0.

    A bin's gap is taken as normal about the one seen, with the standard error of its share of
    hits: what the mean absolute value of that exceeds the seen gap by is its bias (after Kumar
    et al. 2019 and Roelofs et al. 2022).
    """
    return told(_errors(truth, probability, np.ones((1, len(truth))))["ece_debiased"][0])


def resampled_debiased_error(truth: Ints, probability: Array, weights: Array) -> Array:
    """The debiased error for each row of `weights` (resamples, n)."""
    return _errors(truth, probability, weights, draws=2)["ece_debiased"]


def brier(truth: Ints, probability: Array) -> float | None:
    """Brier score over all classes: mean squared distance to the truth, 0 to 2."""
    return told(_mean(_squares(truth, probability), np.ones((1, len(truth))))[0])


def recalibration(ill: Bools, probability: Array, weights: Array) -> Array:
    """Intercept and slope of logit P(ill) = a + b · logit p, for each row of `weights`.

    Shape (resamples, 2); 0 and 1 are ideal, a slope below 1 is overconfidence (Cox 1958). NaN
    where one kind does not occur or the fit runs away.
    """
    chances = np.clip(probability, 1e-6, 1 - 1e-6)
    x = np.log(chances / (1 - chances))
    y = ill.astype(np.float64)
    # Resamples lie near the whole set, so its solution is where they begin.
    begin = np.nan_to_num(_logistic(y, x, np.ones((1, len(y))), np.zeros(2))[0])
    found = [
        _logistic(y, x, weights[start : start + PART], begin)
        for start in range(0, len(weights), PART)
    ]
    return np.concatenate(found) if found else np.zeros((0, 2))


def figures(truth: Ints, probability: Array, malignant: Bools, weights: Array) -> dict[str, Any]:
    """All of it, each with a bootstrap interval from `weights` (resamples, n).

    {"bins", "ece", "ece_debiased", "brier", "malignant_brier", "slope", "intercept"}: the last
    five are {"value", "low", "high"}; slope and intercept are of malignancy, and null below 20
    images of either kind.
    """
    ill, chance = malignant[truth], probability[:, malignant].sum(axis=1)
    once = np.ones((1, len(truth)))
    seen, drawn = _errors(truth, probability, once), _errors(truth, probability, weights, draws=2)
    rows = {name: (seen[name][0], drawn[name]) for name in ("ece", "ece_debiased")}
    for name, squares in (
        ("brier", _squares(truth, probability)),
        ("malignant_brier", (chance - ill) ** 2),
    ):
        rows[name] = (_mean(squares, once)[0], _mean(squares, weights))
    if min(ill.sum(), (~ill).sum()) >= FEWEST_EVENTS:
        fitted, again = recalibration(ill, chance, once)[0], recalibration(ill, chance, weights)
        rows |= {"intercept": (fitted[0], again[:, 0]), "slope": (fitted[1], again[:, 1])}
    told_rows = {name: _interval(value, values) for name, (value, values) in rows.items()}
    nothing = {"value": None, "low": None, "high": None}
    return {"bins": BINS, **dict.fromkeys(("slope", "intercept"), nothing), **told_rows}


def reliability(truth: Ints, probability: Array) -> list[dict[str, Any]]:
    """Rows of a reliability diagram: low, high, n, confidence, accuracy (null in empty bins)."""
    confidence, right, cells = _binned(truth, probability)
    counts = cells.sum(axis=0)
    rows = []
    for number, count in enumerate(counts):
        inside = cells[:, number] > 0
        rows.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "n": int(count),
                "confidence": float(confidence[inside].mean()) if count else None,
                "accuracy": float(right[inside].mean()) if count else None,
            }
        )
    return rows


def _binned(truth: Ints, probability: Array) -> tuple[Array, Array, Array]:
    if not len(truth):
        return np.zeros(0), np.zeros(0), np.zeros((0, BINS))
    confidence = probability.max(axis=1)
    right = (probability.argmax(axis=1) == truth).astype(np.float64)
    numbers = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return confidence, right, np.eye(BINS)[numbers]


def _errors(truth: Ints, probability: Array, weights: Array, draws: int = 1) -> dict[str, Array]:
    """Both errors for each row of `weights`. A resample scatters twice: `draws` is 2 for those."""
    confidence, right, cells = _binned(truth, probability)
    counts, total = weights @ cells, weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (weights @ (cells * right[:, None])) / counts
        gap = np.abs((weights @ (cells * (right - confidence)[:, None])) / counts)
        # Half a hit and half a miss more, so that a bin of three hits does not pass for certain.
        smooth = (share * counts + 0.5) / (counts + 1)
        error = np.sqrt(draws * smooth * (1 - smooth) / counts)
        folded = error * np.sqrt(2 / np.pi) * np.exp(-(gap**2) / (2 * error**2)) + gap * erf(
            gap / (error * np.sqrt(2))
        )
        part = np.where(counts > 0, counts / total[:, None], 0)
        plain = np.where(counts > 0, gap, 0)
        bias = np.where(counts > 0, folded - gap, 0)
        known = np.where(total > 0, 1.0, np.nan)
        return {
            "ece": (part * plain).sum(axis=1) * known,
            "ece_debiased": np.maximum((part * (plain - bias)).sum(axis=1), 0) * known,
        }


def _squares(truth: Ints, probability: Array) -> Array:
    return np.asarray(((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(axis=1))


def _mean(values: Array, weights: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ values) / weights.sum(axis=1))


def _logistic(y: Array, x: Array, weights: Array, begin: Array) -> Array:
    """Newton's method for two coefficients from `begin` (2,), several resamples at once."""
    found = np.tile(begin, (len(weights), 1))
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(found[:, :1] + found[:, 1:] * x, -40, 40)))
        rest, bend = weights * (y - p), weights * p * (1 - p)
        slope = np.stack([rest.sum(axis=1), rest @ x], axis=1)
        a, b, c = bend.sum(axis=1), bend @ x, bend @ (x * x)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            area = a * c - b * b
            step = np.stack(
                [c * slope[:, 0] - b * slope[:, 1], a * slope[:, 1] - b * slope[:, 0]], axis=1
            )
            move = step / area[:, None]  # not a number where the scores are all alike
        found = found + np.clip(move, -5, 5)
        if not (np.abs(move) > 1e-6).any():
            break
    one_kind = (weights @ y == 0) | (weights @ (1 - y) == 0)
    found[one_kind | (np.abs(found) > 50).any(axis=1)] = np.nan
    return found


def _interval(value: float, resampled: Array) -> dict[str, float | None]:
    bounds = spread(resampled) or (None, None)
    return {"value": told(value), "low": bounds[0], "high": bounds[1]}
