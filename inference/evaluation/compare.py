"""Whether one way of predicting is better than another, and which to ship."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .metrics import Array, Bools, Ints

# From resampling weights (resamples, n) to one value a resample.
Statistic = Callable[[Array], Array]


@dataclass(frozen=True)
class Difference:
    """`value` is second minus first, with its 95 % interval and standard error."""

    first: float
    second: float
    value: float
    low: float
    high: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def balanced_accuracy(truth: Ints, decision: Ints, classes: int) -> Statistic:
    """Balanced accuracy of `decision`, ready for `paired`."""
    return lambda weights: metrics.resampled_balanced_accuracy(
        metrics.resampled_confusion(truth, decision, classes, weights)
    )


def area(ill: Bools, score: Array) -> Statistic:
    """Area under the ROC curve of `score`, ready for `paired`."""
    return lambda weights: metrics.resampled_auc(ill, score, weights)


def paired(
    units: NDArray[np.str_],
    first: Statistic,
    second: Statistic,
    *,
    seed: int = 0,
    resamples: int = metrics.RESAMPLES,
) -> Difference:
    """Both statistics on the same resamples of whole lesions (Efron and Tibshirani 1993).

    What makes a lesion easy or hard is the same for both, so their difference is known far better
    than either. Raises ValueError when a statistic is undefined on the whole set.
    """
    weights = metrics.unit_weights(units, seed=seed, resamples=resamples)
    everyone = np.ones((1, len(units)))
    one, two = float(first(everyone)[0]), float(second(everyone)[0])
    drawn = second(weights) - first(weights)
    bounds = metrics.spread(drawn)
    if bounds is None or np.isnan(one) or np.isnan(two):
        raise ValueError("The set is too small or of one kind: nothing can be compared on it.")
    return Difference(one, two, two - one, *bounds, error=float(np.nanstd(drawn)))


def smallest_good_enough(
    costs: Mapping[str, float],
    statistics: Mapping[str, Statistic],
    units: NDArray[np.str_],
    *,
    seed: int = 0,
) -> str:
    """The cheapest candidate within one standard error of the best (Breiman et al. 1984).

    The error is the bootstrapped one of the best. `costs` are milliseconds an image, say.
    """
    everyone = np.ones((1, len(units)))
    values = {name: float(statistic(everyone)[0]) for name, statistic in statistics.items()}
    best = max(values, key=lambda name: (values[name], -costs[name]))
    error = float(np.nanstd(statistics[best](metrics.unit_weights(units, seed=seed))))
    near = [name for name, value in values.items() if value >= values[best] - error]
    return min(near, key=lambda name: costs[name])
