"""Probabilities at another prevalence: what holds for a collection, said for a clinic.

A collection for training holds many more malignant lesions than a clinic sees. Bayes' rule moves
a posterior from one prior to another (Saerens, Latinne and Decaestecker 2002): here the classes
that count as malignant together, since how common each of them is nobody knows in a clinic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

LOWEST, HIGHEST = 0.001, 0.6  # what a clinic may declare


@dataclass(frozen=True)
class PredictiveValues:
    """Shares of one: `positive` of those called urgent are malignant, `negative` of the others not.

    A value is NaN where the rule calls nobody so.
    """

    positive: float
    negative: float


def reweight(
    probabilities: Mapping[str, float],
    malignant: Collection[str],
    *,
    prior: float,
    prevalence: float,
) -> dict[str, float]:
    """Probabilities by class, moved from one share of malignant lesions to another.

    `prior` is the share that the probabilities hold for, `prevalence` the one wanted; both strictly
    between 0 and 1, else ValueError. Among malignant classes, and among benign ones, the odds stay
    as they are. The result sums to one.
    """
    ill, here = _share(prior), _share(prevalence)
    worth = {True: here / ill, False: (1 - here) / (1 - ill)}
    keys = list(probabilities)
    raised = np.array([probabilities[key] * worth[key in malignant] for key in keys], np.float64)
    return dict(zip(keys, (raised / raised.sum()).tolist(), strict=True))


def shift(share: float, *, prior: float, prevalence: float) -> float:
    """The same for the malignant share alone, and so for a threshold on it: order is kept."""
    moved = reweight(
        {"malignant": share, "benign": 1 - share},
        {"malignant"},
        prior=prior,
        prevalence=prevalence,
    )
    return moved["malignant"]


def ppv_npv(sensitivity: float, specificity: float, prevalence: float) -> PredictiveValues:
    """Predictive values of a rule (Altman and Bland 1994). Raises ValueError outside of 0 to 1."""
    if not (0 <= sensitivity <= 1 and 0 <= specificity <= 1):
        raise ValueError("Sensitivity and specificity are shares of one.")
    ill = _share(prevalence)
    found, missed = ill * sensitivity, ill * (1 - sensitivity)
    spared, alarmed = (1 - ill) * specificity, (1 - ill) * (1 - specificity)
    return PredictiveValues(_ratio(found, found + alarmed), _ratio(spared, spared + missed))


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"A prevalence lies between 0 and 1, not at {value}.")
    return value


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
