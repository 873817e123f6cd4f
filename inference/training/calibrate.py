"""Fits what comes after the network on lesions it has not seen: temperature, thresholds, limits.

All fits take pooled out-of-fold predictions, in which each lesion weighs one however often it was
photographed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from inference.evaluation.metrics import by_lesion
from inference.network import posterior
from inference.network.limits import Quality

from . import operating

Array = NDArray[np.float64]

SET_SHARES = (("90", 0.90), ("95", 0.95))
DECLINED_SHARE = 0.01
SMALLEST_SIDE = 100


class TaskClass(Protocol):
    """One class of a task, as `network.classes.DiseaseClass` and `package.PackageClass` have it."""

    @property
    def key(self) -> str: ...
    @property
    def malignant(self) -> bool: ...


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of n images, each by a network that saw nothing of its lesion or patient.

    `logits` and `image_only_logits` (n, k), the latter with all metadata masked, both averaged over
    the symmetries that are served; `distances` (n,) of the embedding to its nearest class mean, by
    a `limits.Likeness` that was fitted on the training images of the same network: embeddings of
    two networks lie in different spaces, distances of both may be pooled. `labels`, `lesions` and
    `folds` (n,), `quality` of the square that the network saw.
    """

    logits: NDArray[np.floating]
    image_only_logits: NDArray[np.floating]
    distances: Array
    labels: NDArray[np.int64]
    lesions: NDArray[np.str_]
    folds: NDArray[np.int64]
    quality: Sequence[Quality]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def weights(self) -> Array:
        """One weight an image (n,), so that every lesion counts once."""
        _, inverse, images = np.unique(self.lesions, return_inverse=True, return_counts=True)
        return np.asarray(1 / images[inverse])

    def take(self, rows: NDArray[np.bool_]) -> Self:
        """The images for which `rows` (n,) is true."""
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "quality"
        }
        kept = [one for one, there in zip(self.quality, rows, strict=True) if there]
        return replace(self, **arrays, quality=kept)


@dataclass(frozen=True)
class Spoken:
    """The same predictions as probabilities: (n, k) each, and the triage score (n,)."""

    fused: Array
    image_only: Array
    triage_score: Array


def speak(
    part: OutOfFold,
    temperature: float,
    *,
    prior: Array,
    drawn_prior: Array,
    malignant: NDArray[np.bool_],
) -> Spoken:
    """Probabilities and triage scores, by the rule that is served."""
    fused, alone = (
        posterior.probabilities(
            logits, temperature=temperature, drawn_prior=drawn_prior, prior=prior
        )
        for logits in (part.logits, part.image_only_logits)
    )
    return Spoken(fused, alone, posterior.triage_scores(fused, alone, malignant))


def fit(
    part: OutOfFold,
    *,
    prior: Array,
    drawn_prior: Array,
    classes: Sequence[TaskClass],
    targets: Mapping[str, float],
) -> dict[str, Any]:
    """The parts of a manifest that are fitted: temperature, operating_points, operating_curve,
    sets, limits.

    `targets` maps class keys to the sensitivity wanted. `prior` and `drawn_prior` (k,) are how
    often lesions of each class occur and how often they were drawn in training. Raises ValueError
    when a class with a target has no lesion here.
    """
    warmth = temperature(part, drawn_prior=drawn_prior, prior=prior)
    malignant = np.array([row.malignant for row in classes])
    said = speak(part, warmth, prior=prior, drawn_prior=drawn_prior, malignant=malignant)
    scores, first = by_lesion(said.triage_score, part.lesions)
    truth = part.labels[first]
    points, curve = [], []
    for key, target in targets.items():
        aimed = scores[truth == [row.key for row in classes].index(key)]
        points.append(operating.point(key, target, aimed, scores[~malignant[truth]]))
        curve += operating.curve(key, aimed, scores[~malignant[truth]])
    return {
        "temperature": warmth,
        "operating_points": points,
        "operating_curve": curve,
        "sets": set_limits(part, said, prior),
        "limits": abstention(part, said),
    }


def temperature(part: OutOfFold, *, drawn_prior: Array, prior: Array) -> float:
    """The temperature with the least lesion-weighted loss (Guo et al. 2017), 0.25 to 8."""

    def loss(log_temperature: float) -> float:
        probability = posterior.probabilities(
            part.logits,
            temperature=float(np.exp(log_temperature)),
            drawn_prior=drawn_prior,
            prior=prior,
        )
        return negative_log_likelihood(probability, part.labels, part.weights)

    best = minimize_scalar(loss, bounds=(np.log(0.25), np.log(8)), method="bounded")
    return float(np.exp(best.x))


def negative_log_likelihood(probability: Array, labels: NDArray[np.int64], weights: Array) -> float:
    """Weighted mean of -log p(label)."""
    likely = probability[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(likely, 1e-12))).sum() / weights.sum())


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest value with at least `share` of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    index = min(int(np.searchsorted(reached, share - 1e-12)), len(values) - 1)
    return float(values[order][index])


def set_limits(part: OutOfFold, said: Spoken, prior: Array) -> dict[str, float]:
    """Limits of `posterior.set_scores` whose sets hold the truth of 90 and 95 % of new lesions.

    Split conformal prediction (Vovk et al. 2005), once with and once without metadata: the
    greater limit keeps the promise for both.
    """
    rows, weights = np.arange(len(part)), part.weights
    lesions = weights.sum()
    return {
        name: max(
            weighted_quantile(
                posterior.set_scores(probability, prior)[rows, part.labels],
                weights,
                min(1.0, share * (lesions + 1) / lesions),
            )
            for probability in (said.fused, said.image_only)
        )
        for name, share in SET_SHARES
    }


def abstention(part: OutOfFold, said: Spoken) -> dict[str, float]:
    """Limits beyond which the network must not speak.

    The distance accepts all but DECLINED_SHARE of the images here. Pixel limits lie well outside
    all of them: they are for covers, flashes and drawn curtains, not for poor images.
    """
    measured = {
        name: np.array([getattr(quality, name) for quality in part.quality])
        for name in ("contrast", "dark", "bright", "sharpness")
    }
    return {
        "smallest_side": float(SMALLEST_SIDE),
        "lowest_contrast": float(measured["contrast"].min() / 2),
        "largest_dark": float((1 + measured["dark"].max()) / 2),
        "largest_bright": float((1 + measured["bright"].max()) / 2),
        "lowest_sharpness": float(measured["sharpness"].min() / 2),
        "largest_distance": weighted_quantile(part.distances, part.weights, 1 - DECLINED_SHARE),
    }
