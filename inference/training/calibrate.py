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

from inference.evaluation import outcomes, report
from inference.evaluation.metrics import by_lesion
from inference.network import limits, posterior
from inference.network.limits import Quality
from inference.network.metadata import Metadata

from . import fits, operating

Array = NDArray[np.float64]

ANY_SIDE = 10**6  # a square is as large as the network wants it, whatever the image was

ENTROPY_SHARE = 0.25  # of an equal say with the distance


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
    weights = part.weights
    warmth = fits.temperature(
        part.logits, part.labels, weights, drawn_prior=drawn_prior, prior=prior
    )
    malignant = np.array([row.malignant for row in classes])
    said = speak(part, warmth, prior=prior, drawn_prior=drawn_prior, malignant=malignant)
    # A patient may have lesions of several classes: those of one class count as one.
    lesions = np.char.add(np.char.add(part.lesions, "/"), part.labels.astype(np.str_))
    scores, first = by_lesion(said.triage_score, lesions)
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
        "sets": fits.set_limits((said.fused, said.image_only), part.labels, weights, prior),
        "limits": _limits(part, said, weights),
    }


def _limits(part: OutOfFold, said: Spoken, weights: Array) -> dict[str, float]:
    """Limits that accept 99 % of the lesions here, by pixels, distance and entropy together."""
    entropies = limits.entropy(said.fused)
    # Entropy has a small say: strange images make the network undecided, but so do hard lesions,
    # and to decline those would help nobody.
    even = float(part.distances.std() / max(entropies.std(), 1e-9))
    return limits.fit_limits(
        part.quality,
        part.distances,
        entropies,
        weights=weights,
        entropy_weight=ENTROPY_SHARE * even,
    )


def cross_fitted(
    part: OutOfFold,
    *,
    prior: Array,
    drawn_prior: Array,
    classes: Sequence[TaskClass],
    targets: Mapping[str, float],
    known: Sequence[Metadata] | None = None,
    units: NDArray[np.str_] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures in which nothing was fitted on the fold that it is measured on.

    Each fold is judged with the fits of the others. {"folds": [{"fold", "n", "temperature",
    and the figures of `report.short`}], "pooled": `report.measure` of all folds together}. `known`
    gives the subgroups their age, sex and site; `units` (n,) what is resampled together where that
    is more than a lesion. Raises ValueError with fewer than two folds.
    """
    numbers = np.unique(part.folds)
    if len(numbers) < 2:
        raise ValueError("Cross-fitting needs at least two folds.")
    task = outcomes.Task(
        tuple(row.key for row in classes), np.array([row.malignant for row in classes])
    )
    people = known if known is not None else [Metadata()] * len(part)
    together = units if units is not None else part.lesions
    pieces, folds = [], []
    thresholds = {key: np.empty(len(part)) for key in targets}
    for number in numbers:
        inside = part.folds == number
        fitted = fit(
            part.take(~inside),
            prior=prior,
            drawn_prior=drawn_prior,
            classes=classes,
            targets=targets,
        )
        for row in fitted["operating_points"]:
            thresholds[row["name"]][inside] = row["threshold"]
        piece = judged(
            part.take(inside),
            fitted,
            prior=prior,
            drawn_prior=drawn_prior,
            task=task,
            known=[row for row, there in zip(people, inside, strict=True) if there],
            units=together[inside],
        )
        pieces.append(piece)
        own = [
            report.Point(row["name"], row["threshold"], row["target_sensitivity"])
            for row in fitted["operating_points"]
        ]
        told = report.short(task, piece, own, seed=seed)
        folds.append({"fold": int(number), "temperature": fitted["temperature"], **told})
    order = np.concatenate([np.flatnonzero(part.folds == number) for number in numbers])
    points = [report.Point(key, thresholds[key][order], target) for key, target in targets.items()]
    pooled = report.measure(task, outcomes.concatenate(pieces), points, seed=seed)
    return {"folds": folds, "pooled": pooled}


def judged(
    part: OutOfFold,
    fitted: Mapping[str, Any],
    *,
    prior: Array,
    drawn_prior: Array,
    task: outcomes.Task,
    known: Sequence[Metadata],
    units: NDArray[np.str_],
) -> outcomes.Outcomes:
    """What an engine with the fits of `fit` would say of `part`."""
    said = speak(
        part,
        fitted["temperature"],
        prior=prior,
        drawn_prior=drawn_prior,
        malignant=task.malignant,
    )
    thresholds = [row["threshold"] for row in fitted["operating_points"]]
    return outcomes.Outcomes(
        truth=part.labels,
        units=units,
        probability=said.fused,
        image_only=said.image_only,
        decision=posterior.decisions(said.fused, prior),
        triage_score=said.triage_score,
        urgent=posterior.urgent(said.triage_score, thresholds),
        declined=declined(part, said, fitted["limits"]),
        sets={
            name: posterior.prediction_sets(said.fused, prior, limit)
            for name, limit in fitted["sets"].items()
        },
        lightness=np.array([quality.brightness for quality in part.quality]),
        **outcomes.about(known),
    )


def declined(part: OutOfFold, said: Spoken, fitted: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which images the fitted limits would decline, too small ones aside."""
    rows = zip(part.quality, part.distances, limits.entropy(said.fused), strict=True)
    return np.array(
        [
            limits.judge(ANY_SIDE, quality, float(distance), float(entropy), fitted).declined
            is not None
            for quality, distance, entropy in rows
        ],
        np.bool_,
    )
