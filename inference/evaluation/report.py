"""Turns findings and labels into the figures that `evaluate` writes and a card quotes.

Headlines count every image, declined ones too; `accepted` holds the same of accepted images only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.engine import Finding
from inference.package import Package

from . import calibration, metrics, ood, subgroups
from .labels import Labelled
from .metrics import Array
from .outcomes import Outcomes, Task

SETS = ("90", "95")


@dataclass(frozen=True)
class Point:
    """A threshold on the triage score, meant to find `target_sensitivity` of the class `name`.

    `threshold` is one number, or one an image (n,) where the folds have their own.
    """

    name: str
    threshold: float | Array
    target_sensitivity: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.threshold))


def figures(
    package: Package,
    rows: Sequence[Labelled],
    findings: Sequence[Finding],
    *,
    ms_per_image: float | None,
    seed: int = 0,
) -> dict[str, Any]:
    """The JSON of the outside contract and what `measure` adds.

    Rows without a label, or with one that the package does not know, count only as declined or
    not. `left_out` (see ood.told_apart) sets the unknown classes against the known ones.
    """
    told = list(zip(rows, findings, strict=True))
    known = [(row, found) for row, found in told if row.label in package.keys]
    left_out = [found for row, found in told if row.label not in (*package.keys, None)]
    outcomes = Outcomes.of_findings(package, [row for row, _ in known], [one for _, one in known])
    points = [
        Point(one.name, one.threshold, one.target_sensitivity) for one in package.operating_points
    ]
    return {
        "n": len(rows),
        **measure(Task(package.keys, package.malignant), outcomes, points, seed=seed),
        "declined": sum(found.declined_reason is not None for found in findings),
        "declined_codes": _counts(found.declined_code for found in findings),
        "limited": _counts(code for found in findings for code in found.limited),
        "left_out": left_out_classes(package, [one for _, one in known], left_out, seed=seed),
        "dice": None,
        "jaccard": None,
        "ms_per_image": ms_per_image,
        "package": {"name": package.name, "version": package.version, "sha256": package.sha256},
    }


def left_out_classes(
    package: Package, known: Sequence[Finding], others: Sequence[Finding], *, seed: int = 0
) -> dict[str, Any] | None:
    """How well images of classes that the package does not know are told from those it does."""
    weight = float(package.limits.get("entropy_weight", 0))
    return ood.told_apart(known, others, entropy_weight=weight, seed=seed) if others else None


def measure(
    task: Task, outcomes: Outcomes, points: Sequence[Point], *, seed: int = 0
) -> dict[str, Any]:
    """All figures that labels give, with 95 % intervals over lesions; null where a set cannot tell.

    Of the outside contract: balanced_accuracy, per_class, malignant_auc, ece (plain, of the
    likeliest class, 15 bins of equal width), coverage, mean_set_size, subgroups.
    Besides: `calibration` (see calibration.figures; its `ece_debiased` is the one to quote),
    `triage` and `operating_points` (the rule really applied and each of its points), `sets` (per
    set: per-class coverage, and the share of malignant images whose set holds no malignant class),
    `image_only`, `accepted`, `intervals` {figure: [low, high]}, and for plots
    `keys` [k], `confusion` [k][k] (truth, decision), `roc` {key: [[fpr, tpr], …]} and
    `reliability` [{low, high, n, confidence, accuracy}].
    """
    weights = metrics.unit_weights(outcomes.units, seed=seed)
    truth, probability = outcomes.truth, outcomes.probability
    headline = _headline(task, outcomes, weights)
    accepted = outcomes.take(~outcomes.declined)
    ranges = headline.pop("intervals")
    calibrated = calibration.figures(truth, probability, task.malignant, weights)
    ranges |= {
        name: _bounds(calibrated[name]) for name in ("ece", "ece_debiased", "slope", "intercept")
    }
    return {
        **headline,
        "per_class": _per_class(task, outcomes, weights, ranges),
        **_triage(task, outcomes, points, weights, ranges),
        "calibration": calibrated,
        "sets": {name: _set(task, outcomes, name) for name in outcomes.sets},
        "image_only": _image_only(task, outcomes, weights),
        "accepted": {
            "n": len(accepted),
            **_headline(task, accepted, weights[:, ~outcomes.declined]),
        },
        "subgroups": subgroups.figures(task, outcomes, weights),
        "intervals": ranges,
        "keys": list(task.keys),
        "confusion": metrics.confusion(truth, outcomes.decision, len(task.keys)).tolist(),
        "roc": {
            key: metrics.roc(truth == label, probability[:, label])
            for label, key in enumerate(task.keys)
        },
        "reliability": calibration.reliability(truth, probability),
    }


def short(
    task: Task, outcomes: Outcomes, points: Sequence[Point], *, seed: int = 0
) -> dict[str, Any]:
    """The first figures of `measure` only, with the AUC of melanoma and the operating points."""
    weights = metrics.unit_weights(outcomes.units, seed=seed)
    told = _headline(task, outcomes, weights)
    ranges = told.pop("intervals")
    if task.melanoma is not None:
        melanoma = outcomes.truth == task.melanoma
        told["melanoma_auc"] = metrics.auc(melanoma, outcomes.probability[:, task.melanoma])
    return {
        "n": len(outcomes),
        "lesions": len(np.unique(outcomes.units)),
        **told,
        "declined": int(outcomes.declined.sum()),
        "operating_points": [_at_point(task, outcomes, point) for point in points],
        "intervals": ranges,
    }


def _headline(task: Task, outcomes: Outcomes, weights: Array) -> dict[str, Any]:
    truth, probability, classes = outcomes.truth, outcomes.probability, len(task.keys)
    ill, malignant = task.malignant[truth], probability[:, task.malignant].sum(axis=1)
    tables = metrics.resampled_confusion(truth, outcomes.decision, classes, weights)
    accuracy = metrics.spread(metrics.resampled_balanced_accuracy(tables))
    held = {
        name: outcomes.sets[name][np.arange(len(truth)), truth] if name in outcomes.sets else None
        for name in SETS
    }
    sizes = {name: part.sum(axis=1) for name, part in outcomes.sets.items()}
    return {
        "balanced_accuracy": {
            "value": metrics.balanced_accuracy(
                metrics.confusion(truth, outcomes.decision, classes)
            ),
            "low": accuracy[0] if accuracy else None,
            "high": accuracy[1] if accuracy else None,
        },
        "malignant_auc": metrics.auc(ill, malignant),
        "ece": calibration.calibration_error(truth, probability),
        "coverage": {
            name: float(inside.mean()) if inside is not None and len(inside) else None
            for name, inside in held.items()
        },
        "mean_set_size": {
            name: float(sizes[name].mean()) if name in sizes and len(truth) else None
            for name in SETS
        },
        "intervals": {
            "balanced_accuracy": accuracy,
            "malignant_auc": metrics.spread(metrics.resampled_auc(ill, malignant, weights)),
        },
    }


def _per_class(
    task: Task, outcomes: Outcomes, weights: Array, ranges: dict[str, metrics.Range | None]
) -> dict[str, dict[str, Any]]:
    truth, classes = outcomes.truth, len(task.keys)
    counts = metrics.confusion(truth, outcomes.decision, classes)
    tables = metrics.resampled_confusion(truth, outcomes.decision, classes, weights)
    rows = {}
    for label, key in enumerate(task.keys):
        members, score = truth == label, outcomes.probability[:, label]
        units = outcomes.units[members]
        rows[key] = {
            "n": int(members.sum()),
            "sensitivity": metrics.sensitivity(counts, label),
            "specificity": metrics.specificity(counts, label),
            "auc": metrics.auc(members, score),
            "lesions": len(np.unique(units)),
            "urgent": metrics.share_of(outcomes.urgent[members], units),
            "declined": metrics.share_of(outcomes.declined[members], units),
        }
        with np.errstate(invalid="ignore"):
            found = tables[:, label, label] / tables[:, label].sum(axis=1)
            others = np.delete(tables, label, axis=1)
            left = 1 - others[:, :, label].sum(axis=1) / others.sum(axis=(1, 2))
        ranges[f"{key}_sensitivity"] = metrics.spread(found)
        ranges[f"{key}_specificity"] = metrics.spread(left)
        ranges[f"{key}_auc"] = metrics.spread(metrics.resampled_auc(members, score, weights))
    return rows


def _triage(
    task: Task,
    outcomes: Outcomes,
    points: Sequence[Point],
    weights: Array,
    ranges: dict[str, metrics.Range | None],
) -> dict[str, Any]:
    """What the rule does to images, and what each of its points does to lesions."""
    ill, urgent = task.malignant[outcomes.truth], outcomes.urgent
    for name, right, members in (
        ("operating_sensitivity", urgent, ill),
        ("operating_specificity", ~urgent, ~ill),
    ):
        ranges[name] = metrics.spread(metrics.resampled_share(right, members, weights))
    ranges["triage_auc"] = metrics.spread(
        metrics.resampled_auc(ill, outcomes.triage_score, weights)
    )
    binding = min(points, key=lambda point: point.mean, default=None)
    applied = {
        "name": binding.name if binding else None,
        "threshold": binding.mean if binding else None,
        "sensitivity": float(urgent[ill].mean()) if ill.any() else None,
        "specificity": float((~urgent[~ill]).mean()) if (~ill).any() else None,
    }
    rule = {"auc": metrics.auc(ill, outcomes.triage_score), "urgent": int(urgent.sum())}
    return {
        "malignant_at_operating_point": applied,
        "triage": {**applied, **rule},
        "operating_points": [_at_point(task, outcomes, point) for point in points],
    }


def _at_point(task: Task, outcomes: Outcomes, point: Point) -> dict[str, Any]:
    """Lesions, not images: a lesion's score is the mean of its images'."""
    # A patient may have lesions of several classes: those of one class count as one.
    lesions = np.char.add(np.char.add(outcomes.units, "/"), outcomes.truth.astype(np.str_))
    scores, first = metrics.by_lesion(outcomes.triage_score, lesions)
    truth = outcomes.truth[first]
    thresholds = np.broadcast_to(point.threshold, len(outcomes))[first]
    found: metrics.Bools = np.asarray(scores >= thresholds)
    ill = task.malignant[truth]
    aimed = truth == task.keys.index(point.name) if point.name in task.keys else ill
    trials, hits = int(aimed.sum()), int(found[aimed].sum())
    others = int((~ill).sum())
    left = others - int(found[~ill].sum())
    return {
        "name": point.name,
        "threshold": point.mean,
        "target_sensitivity": point.target_sensitivity,
        "lesions": trials,
        "sensitivity": hits / trials if trials else None,
        "sensitivity_95": metrics.exact_bounds(hits, trials) if trials else None,
        "specificity": left / others if others else None,
        "specificity_95": metrics.exact_bounds(left, others) if others else None,
    }


def _set(task: Task, outcomes: Outcomes, name: str) -> dict[str, Any]:
    members, truth, units = outcomes.sets[name], outcomes.truth, outcomes.units
    inside = members[np.arange(len(truth)), truth]
    ill = task.malignant[truth]
    without = np.asarray(members[:, task.malignant].sum(axis=1) == 0)
    sizes = np.bincount(members.sum(axis=1), minlength=len(task.keys) + 1)
    return {
        "coverage": metrics.share_of(inside, units),
        "per_class": {
            key: metrics.share_of(inside[truth == label], units[truth == label])
            for label, key in enumerate(task.keys)
        },
        "malignant_without_malignant": metrics.share_of(without[ill], units[ill]),
        "sizes": sizes.tolist(),
    }


def _image_only(task: Task, outcomes: Outcomes, weights: Array) -> dict[str, Any]:
    """The same images with metadata masked: AUCs, and how far the metadata moved malignancy."""
    ill = task.malignant[outcomes.truth]
    alone = outcomes.image_only[:, task.malignant].sum(axis=1)
    fused = outcomes.probability[:, task.malignant].sum(axis=1)
    result: dict[str, Any] = {
        "malignant_auc": metrics.auc(ill, alone),
        "malignant_auc_95": metrics.spread(metrics.resampled_auc(ill, alone, weights)),
        "mean_shift": float(np.abs(fused - alone).mean()) if len(alone) else None,
    }
    if task.melanoma is not None:
        score = outcomes.image_only[:, task.melanoma]
        result["melanoma_auc"] = metrics.auc(outcomes.truth == task.melanoma, score)
    return result


def _bounds(row: dict[str, float | None]) -> metrics.Range | None:
    return (row["low"], row["high"]) if row["low"] is not None and row["high"] is not None else None


def _counts(codes: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(code for code in codes if code is not None).items()))
