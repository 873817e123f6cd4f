"""Turns findings and labels into the figures that `evaluate` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Finding
from inference.package import Package

from . import metrics
from .labels import Labelled

AGE_BANDS = (("under 40", 0, 40), ("40-59", 40, 60), ("60 and over", 60, 200))
SMALLEST_GROUP = 20


def figures(
    package: Package,
    rows: Sequence[Labelled],
    findings: Sequence[Finding],
    *,
    ms_per_image: float | None,
    seed: int = 0,
) -> dict[str, Any]:
    """The JSON of the outside contract, plus `intervals` (95 %, bootstrapped over lesions).

    Declined images count like any other; rows without a label count only as declined or not.
    """
    told = [(row, found) for row, found in zip(rows, findings, strict=True) if row.label]
    keys = list(package.keys)
    truth = np.array([keys.index(str(row.label)) for row, _ in told], np.int64)
    decision = np.array([keys.index(found.decision) for _, found in told], np.int64)
    probability = np.array(
        [[found.probabilities[key] for key in keys] for _, found in told]
    ).reshape(len(told), len(keys))
    ill, malignant = package.malignant[truth], probability[:, package.malignant].sum(axis=1)
    counts = metrics.confusion(truth, decision, len(keys))
    units = np.array([row.unit for row, _ in told])
    weights = metrics.unit_weights(units, seed=seed) if told else np.zeros((0, 0))
    ranges = _intervals(package, truth, decision, probability, malignant, weights)
    accuracy = ranges.pop("balanced_accuracy", None) or (None, None)
    return {
        "n": len(rows),
        "balanced_accuracy": {
            "value": metrics.balanced_accuracy(counts),
            "low": accuracy[0],
            "high": accuracy[1],
        },
        "per_class": {
            key: {
                "n": int((truth == label).sum()),
                "sensitivity": metrics.sensitivity(counts, label),
                "specificity": metrics.specificity(counts, label),
                "auc": metrics.auc(truth == label, probability[:, label]),
            }
            for label, key in enumerate(keys)
        },
        "malignant_auc": metrics.auc(ill, malignant),
        "malignant_at_operating_point": _at_point(package, ill, malignant),
        "ece": metrics.calibration_error(truth, probability),
        "coverage": _sets([(row.label, found) for row, found in told], "coverage"),
        "mean_set_size": _sets([(row.label, found) for row, found in told], "size"),
        "declined": sum(found.declined_reason is not None for found in findings),
        "dice": None,
        "jaccard": None,
        "subgroups": _subgroups(package, [row for row, _ in told], truth, decision, ill, malignant),
        "intervals": ranges,
        "ms_per_image": ms_per_image,
        "package": {"name": package.name, "version": package.version, "sha256": package.sha256},
    }


def _intervals(
    package: Package,
    truth: NDArray[np.int64],
    decision: NDArray[np.int64],
    probability: NDArray[np.float64],
    malignant: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> dict[str, tuple[float, float] | None]:
    classes, ill = len(package.keys), package.malignant[truth]
    tables = [metrics.confusion(truth, decision, classes, row) for row in weights]
    ranges: dict[str, tuple[float, float] | None] = {
        "balanced_accuracy": metrics.spread([metrics.balanced_accuracy(table) for table in tables]),
        "malignant_auc": metrics.spread(metrics.resampled_auc(ill, malignant, weights)),
    }
    urgent = malignant >= package.operating_points[0].threshold
    for name, right, members in (
        ("operating_sensitivity", urgent, ill),
        ("operating_specificity", ~urgent, ~ill),
    ):
        ranges[name] = metrics.spread(metrics.resampled_share(right, members, weights))
    for label, key in enumerate(package.keys):
        ranges[f"{key}_sensitivity"] = metrics.spread(
            [metrics.sensitivity(table, label) for table in tables]
        )
        ranges[f"{key}_auc"] = metrics.spread(
            metrics.resampled_auc(truth == label, probability[:, label], weights)
        )
    return ranges


def _at_point(
    package: Package, ill: NDArray[np.bool_], malignant: NDArray[np.float64]
) -> dict[str, float | str | None]:
    point = package.operating_points[0]
    urgent = malignant >= point.threshold
    return {
        "name": point.name,
        "threshold": point.threshold,
        "sensitivity": float(urgent[ill].mean()) if ill.any() else None,
        "specificity": float((~urgent[~ill]).mean()) if (~ill).any() else None,
    }


def _sets(told: Sequence[tuple[str | None, Finding]], kind: str) -> dict[str, float | None]:
    result: dict[str, float | None] = {}
    for name in ("90", "95"):
        sets = [(label, found.prediction_sets.get(name)) for label, found in told]
        values = [
            float(label in members) if kind == "coverage" else float(len(members))
            for label, members in sets
            if members is not None
        ]
        result[name] = float(np.mean(values)) if values else None
    return result


def _subgroups(
    package: Package,
    rows: Sequence[Labelled],
    truth: NDArray[np.int64],
    decision: NDArray[np.int64],
    ill: NDArray[np.bool_],
    malignant: NDArray[np.float64],
) -> list[dict[str, Any]]:
    result = []
    for group, values in (
        ("sex", [row.sex for row in rows]),
        ("age", [_band(row.metadata.age) for row in rows]),
        ("site", [row.metadata.site for row in rows]),
    ):
        for value in sorted({value for value in values if value is not None}):
            members = np.array([one == value for one in values])
            if members.sum() < SMALLEST_GROUP:
                continue
            table = metrics.confusion(truth[members], decision[members], len(package.keys))
            result.append(
                {
                    "group": group,
                    "value": value,
                    "n": int(members.sum()),
                    "malignant": int(ill[members].sum()),
                    "balanced_accuracy": metrics.balanced_accuracy(table),
                    "malignant_auc": metrics.auc(ill[members], malignant[members]),
                }
            )
    return result


def _band(age: float | None) -> str | None:
    if age is None:
        return None
    return next((name for name, low, high in AGE_BANDS if low <= age < high), None)
