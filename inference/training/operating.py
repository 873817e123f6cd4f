"""Operating points: thresholds on the triage score that keep a promise about one class of lesions.

A lesion's score is the mean of its images'. The promise is a lower bound of sensitivity, exact and
one-sided 90 % (Clopper and Pearson 1934): with few lesions it asks for more than the target.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.metrics import exact_bounds

Array = NDArray[np.float64]

# Targets that a clinic may choose from, as far as they can be promised.
TARGETS = (0.70, 0.75, 0.80, 0.85, *(round(0.90 + 0.01 * step, 2) for step in range(10)))
BEYOND = 0.1  # the chance that a point's true sensitivity is below its bound
DIGITS = 1e6  # what a manifest keeps of a threshold


def lower_bound(found: int, lesions: int) -> float:
    """What sensitivity may be promised when `found` of `lesions` were found."""
    return exact_bounds(found, lesions, beyond=BEYOND)[0]


def point(key: str, target: float, aimed: Array, others: Array) -> dict[str, Any]:
    """The highest threshold whose promise meets the target, as a manifest keeps it.

    `aimed` are the scores of the class's lesions, `others` those of all that are not malignant.
    Where too few lesions are there to promise the target at all, the threshold that finds every
    one of them; its `sensitivity_low`, below the target, says so. Raises ValueError without any.
    """
    if not len(aimed):
        raise ValueError(f"No lesion of class {key}: its operating point cannot be fitted.")
    needed = _needed(target, len(aimed))
    ranked = np.sort(aimed)[::-1]
    # Rounded down, so that the lesion that sets the threshold stays on its side of it.
    threshold = float(np.floor(ranked[(needed or len(aimed)) - 1] * DIGITS) / DIGITS)
    found = int((aimed >= threshold).sum())
    return {
        "name": key,
        "threshold": threshold,
        "target_sensitivity": target,
        "sensitivity": found / len(aimed),
        "sensitivity_low": lower_bound(found, len(aimed)),
        "specificity": float((others < threshold).mean()) if len(others) else 1.0,
        "lesions": len(aimed),
    }


def curve(key: str, aimed: Array, others: Array) -> list[dict[str, Any]]:
    """A point for each of TARGETS that can be promised, least sensitive first."""
    rows = []
    for target in TARGETS:
        if _needed(target, len(aimed)) is None:
            break
        row = point(key, target, aimed, others)
        rows.append(
            {
                "class": key,
                "target": target,
                **{
                    name: row[name]
                    for name in ("threshold", "sensitivity", "sensitivity_low", "specificity")
                },
            }
        )
    return rows


def _needed(target: float, lesions: int) -> int | None:
    """How many of the lesions must be found for the promise; None when all are not enough."""
    # The bound grows with the lesions found, so halving finds the first that will do.
    needed = bisect_left(range(lesions + 1), target, key=lambda found: lower_bound(found, lesions))
    return needed if needed <= lesions else None
