"""From logits to what is said: calibrated probabilities, decision, and prediction sets.

The network was trained on classes drawn more evenly than they occur. Its posterior is tempered
(Guo et al. 2017) and moved to the prior of the clinic by Bayes' rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def probabilities(
    logits: NDArray[np.floating], *, temperature: float, drawn_prior: Array, prior: Array
) -> Array:
    """Calibrated probabilities, shape (n, classes): softmax(logits / T) · prior / drawn prior."""
    scores = logits.astype(np.float64) / temperature + np.log(prior / drawn_prior)
    scores -= scores.max(axis=1, keepdims=True)
    raised = np.exp(scores)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def decisions(probability: Array, prior: Array) -> NDArray[np.int64]:
    """The class that the image speaks for most, whatever its frequency: argmax of p / prior."""
    return np.argmax(probability / prior, axis=1)


def set_scores(probability: Array) -> Array:
    """For every class the probability of it and all likelier ones (Romano et al. 2020, APS)."""
    order = np.argsort(-probability, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(probability, order, axis=1), axis=1)
    scores = np.empty_like(mass)
    np.put_along_axis(scores, order, mass, axis=1)
    return scores


def prediction_sets(probability: Array, limit: float) -> NDArray[np.bool_]:
    """Which classes belong to the set of each row; the likeliest always does."""
    members = set_scores(probability) <= limit
    members[np.arange(len(members)), probability.argmax(axis=1)] = True
    return members
