"""From logits to what is said: calibrated probabilities, decision, and prediction sets.

The network was trained on classes drawn more evenly than they occur. Its posterior is tempered
(Guo et al. 2017) and moved to the prior of the clinic by Bayes' rule.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def set_scores(probability: Array, prior: Array) -> Array:
    """How little the image speaks for each class: 1 - its share of p / prior.

    The least ambiguous sets of Sadinle et al. (2019), on evidence instead of frequency: with a
    prior of 72 % nevus in it, the promise would be kept at the expense of the rare classes.
    """
    evidence = probability / prior
    return np.asarray(1 - evidence / evidence.sum(axis=1, keepdims=True))


def prediction_sets(probability: Array, prior: Array, limit: float) -> NDArray[np.bool_]:
    """Which classes belong to the set of each row; the decision always does."""
    scores = set_scores(probability, prior)
    members = scores <= limit
    members[np.arange(len(members)), scores.argmin(axis=1)] = True
    return members


def triage_scores(fused: Array, image_only: Array, malignant: NDArray[np.bool_]) -> Array:
    """What triage goes by, shape (n,): the greater of the two probabilities of malignancy.

    `image_only` is what the network says of the same image with all metadata masked. So metadata
    can raise an alarm but never call one off: youth must not clear a melanoma.
    """
    return np.asarray(
        np.maximum(fused[:, malignant].sum(axis=1), image_only[:, malignant].sum(axis=1))
    )


def urgent(score: Array, thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Which rows go to the doctor first: those that reach the least of the operating points.

    Every class with a target has a point; the least of them keeps all promises at once. Raises
    ValueError without any.
    """
    return np.asarray(score >= min(thresholds))
