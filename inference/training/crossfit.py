"""Figures of out-of-fold predictions in which nothing was fitted on the fold that is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.evaluation import outcomes, report
from inference.network import limits, posterior
from inference.network.metadata import Metadata

from . import calibrate
from .calibrate import Array


def cross_fitted(
    part: calibrate.OutOfFold,
    *,
    prior: Array,
    drawn_prior: Array,
    classes: Sequence[calibrate.TaskClass],
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
        fitted = calibrate.fit(
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
    part: calibrate.OutOfFold,
    fitted: Mapping[str, Any],
    *,
    prior: Array,
    drawn_prior: Array,
    task: outcomes.Task,
    known: Sequence[Metadata],
    units: NDArray[np.str_],
) -> outcomes.Outcomes:
    """What an engine with the fits of `calibrate.fit` would say of `part`."""
    said = calibrate.speak(
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
        declined=declined(part, fitted["limits"]),
        sets={
            name: posterior.prediction_sets(said.fused, prior, limit)
            for name, limit in fitted["sets"].items()
        },
        lightness=np.array([quality.brightness for quality in part.quality]),
        **outcomes.about(known),
    )


def declined(part: calibrate.OutOfFold, fitted: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which images the fitted limits would decline, size aside."""
    return np.array(
        [
            limits.reason(calibrate.SMALLEST_SIDE, quality, float(distance), fitted) is not None
            for quality, distance in zip(part.quality, part.distances, strict=True)
        ],
        np.bool_,
    )
