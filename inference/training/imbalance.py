"""Four ways to train on classes of which one is sixty times as frequent as another.

What each leaves in the logits is told by `Plan.prior`: the class shares that the network took for
granted, which `posterior.probabilities` takes out again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from .config import Fit

Array = NDArray[np.float64]
BETA = 0.999  # of the effective number of samples
FOCUS = 2.0
WAYS = ("sampler", "logit adjustment", "focal", "class-balanced")


@dataclass(frozen=True)
class Plan:
    """`chance` of each image to be drawn; `weights` of the loss and `prior`, one a class."""

    chance: Array
    weights: NDArray[np.float32]
    prior: Array
    frequency: Array


def plan(labels: NDArray[np.int64], classes: int, fit: Fit) -> Plan:
    """What the way named in the configuration means for these labels.

    sampler: classes drawn in proportion to count ** prior_power.
    focal: the same, with a focal loss (Lin et al. 2017).
    logit adjustment: drawn as they are, log frequency added to the logits (Menon et al. 2021).
    class-balanced: drawn as they are, weighted by the effective number (Cui et al. 2019).
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    there = np.maximum(counts, 1)
    power = fit.prior_power if fit.imbalance in ("sampler", "focal") else 1.0
    chance = there[labels] ** (power - 1)
    chance /= chance.sum()
    drawn = np.bincount(labels, chance, classes)
    weights = np.ones(classes)
    if fit.imbalance == "class-balanced":
        weights = (1 - BETA) / (1 - BETA**there)
        weights *= 1 / (weights @ drawn)
    prior = drawn * weights
    if fit.imbalance == "logit adjustment":
        prior = np.full(classes, 1 / classes)
    return Plan(chance, weights.astype(np.float32), prior / prior.sum(), counts / counts.sum())


def loss(fit: Fit, plan: Plan) -> Callable[[Any, Any], Any]:
    """The loss on logits, with label smoothing."""
    if fit.imbalance == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=FOCUS, from_logits=True, label_smoothing=fit.label_smoothing
        )
    entropy = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=fit.label_smoothing
    )
    if fit.imbalance != "logit adjustment":
        return entropy
    shift = np.log(np.maximum(plan.frequency, 1e-6)).astype(np.float32)

    def adjusted(truth: Any, logits: Any) -> Any:
        return keras.losses.categorical_crossentropy(
            truth,
            logits + ops.convert_to_tensor(shift),
            from_logits=True,
            label_smoothing=fit.label_smoothing,
        )

    return adjusted
