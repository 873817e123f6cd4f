"""How well declining tells what the network knows from what it does not.

The area under the ROC curve between familiar images and others: another folder, or classes that
were left out of training. 0.5 is chance, 1 would decline all of the others and none of the known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Finding
from inference.network import limits

from . import metrics
from .metrics import Array


def told_apart(
    known: Sequence[Finding],
    others: Sequence[Finding],
    *,
    entropy_weight: float = 0.0,
    units: NDArray[np.str_] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """{"n", "declined", "auc": {"distance", "entropy", "both"}} of `others` against `known`.

    Each area is {"value", "low", "high"}, bootstrapped over `units` of both together (images, when
    None); null when either side is empty. `both` is what declining goes by: distance plus
    `entropy_weight` (of the package's limits) times entropy.
    """
    together = np.concatenate([measures(known), measures(others)])
    both = together @ np.array([1.0, entropy_weight])
    strange = np.arange(len(together)) >= len(known)
    names = units if units is not None else np.arange(len(together)).astype(np.str_)
    weights = metrics.unit_weights(names, seed=seed)
    return {
        "n": len(others),
        "declined": sum(found.declined_reason is not None for found in others),
        "auc": {
            name: _area(strange, score, weights)
            for name, score in (
                ("distance", together[:, 0]),
                ("entropy", together[:, 1]),
                ("both", both),
            )
        },
    }


def measures(findings: Sequence[Finding]) -> Array:
    """Embedding distance and entropy of the probabilities of each, shape (n, 2)."""
    if not findings:
        return np.zeros((0, 2))
    distances = np.array([found.embedding_distance for found in findings], np.float64)
    probability = np.array([list(found.probabilities.values()) for found in findings], np.float64)
    return np.stack([distances, limits.entropy(probability)], axis=1)


def _area(strange: metrics.Bools, score: Array, weights: Array) -> dict[str, float | None]:
    low, high = metrics.spread(metrics.resampled_auc(strange, score, weights)) or (None, None)
    return {"value": metrics.auc(strange, score), "low": low, "high": high}
