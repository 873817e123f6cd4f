"""Figures by age band, sex, body site and image lightness, with counts and intervals.

A figure that rests on fewer than 20 events is null, and `not_estimable` says so: what a handful of
lesions say of a group is chance. An event is a lesion (a patient where they are known).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import calibration, metrics
from .metrics import Array, Range
from .outcomes import AGE_BANDS, UNKNOWN, Outcomes, Task, bands, terciles

FEWEST_EVENTS = 20


def figures(task: Task, outcomes: Outcomes, weights: Array) -> list[dict[str, Any]]:
    """One row a group: group, value, n, lesions, malignant and melanoma (lesions), and figures.

    `balanced_accuracy` (over the classes with 20 lesions, listed in `classes`), `malignant_auc`,
    `melanoma_sensitivity` (called melanoma), `melanoma_urgent` and `malignant_urgent` (sent to the
    doctor first), `ece` (debiased), each with its 95 % interval in `<name>_95`; observed and
    expected malignancy; `not_estimable` {figure: why}. Under 40 is always there once any age is
    known. `weights` (resamples, n) are those of `metrics.unit_weights`.
    """
    rows = []
    for group, names, order in _groups(outcomes):
        for name in order:
            members = names == name
            rows.append(
                {
                    "group": group,
                    "value": name,
                    **_figures(task, outcomes.take(members), weights[:, members]),
                }
            )
    return rows


def _groups(outcomes: Outcomes) -> list[tuple[str, NDArray[np.str_], list[str]]]:
    ages = bands(outcomes.age, AGE_BANDS)
    known = [name for name, _, _ in AGE_BANDS if (ages == name).any()]
    if known and AGE_BANDS[0][0] not in known:
        known.insert(0, AGE_BANDS[0][0])
    groups = [("age", ages, known)]
    for group, names in (("sex", outcomes.sex), ("site", outcomes.site)):
        groups.append((group, names, sorted(set(names.tolist()) - {UNKNOWN})))
    if len(outcomes) >= 3 * FEWEST_EVENTS:
        thirds = terciles(outcomes.lightness)
        names = bands(outcomes.lightness, thirds)
        groups.append(("lightness", names, [name for name, _, _ in thirds]))
    return groups


def _figures(task: Task, part: Outcomes, weights: Array) -> dict[str, Any]:
    ill = task.malignant[part.truth]
    melanoma = part.truth == (-1 if task.melanoma is None else task.melanoma)
    counts = {
        "lesions": len(np.unique(part.units)),
        "malignant": len(np.unique(part.units[ill])),
        "melanoma": len(np.unique(part.units[melanoma])),
    }
    malignant = part.probability[:, task.malignant].sum(axis=1)
    told: dict[str, tuple[float | None, Range | None]] = {}
    why: dict[str, str] = {}

    def tell(name: str, events: int, of: str, value: float | None, bounds: Range | None) -> None:
        if events < FEWEST_EVENTS:
            why[name] = f"not estimable: {events} {of}, fewer than {FEWEST_EVENTS}"
            value, bounds = None, None
        told[name] = (value, bounds)

    classes, accuracy, bounds = _accuracy(task, part, weights)
    told["balanced_accuracy"] = (accuracy, bounds)
    if accuracy is None:
        why["balanced_accuracy"] = (
            f"not estimable: fewer than two classes with {FEWEST_EVENTS} lesions"
        )
    others = len(np.unique(part.units[~ill]))
    fewer = min(counts["malignant"], others)
    of = "malignant lesions" if counts["malignant"] <= others else "other lesions"
    area = metrics.auc(ill, malignant)
    tell(
        "malignant_auc",
        fewer,
        of,
        area,
        metrics.spread(metrics.resampled_auc(ill, malignant, weights)) if area else None,
    )
    for name, right, members, kind in (
        ("melanoma_sensitivity", part.decision == task.melanoma, melanoma, "melanoma"),
        ("melanoma_urgent", part.urgent, melanoma, "melanoma"),
        ("malignant_urgent", part.urgent, ill, "malignant"),
    ):
        share = metrics.share_of(right[members], part.units[members])
        bounds = None if share["low"] is None else (float(share["low"]), float(share["high"] or 0))
        lesions = "melanomas" if kind == "melanoma" else "malignant lesions"
        tell(name, counts[kind], lesions, share["value"], bounds)
    error = calibration.debiased_error(part.truth, part.probability)
    resampled = calibration.resampled_debiased_error(part.truth, part.probability, weights)
    tell("ece", counts["malignant"], "malignant lesions", error, metrics.spread(resampled))
    return {
        "n": len(part),
        **counts,
        "classes": classes,
        **{name: value for name, (value, _) in told.items()},
        **{f"{name}_95": bounds for name, (_, bounds) in told.items()},
        "malignant_observed": float(ill.mean()) if len(part) else None,
        "malignant_expected": float(malignant.mean()) if len(part) else None,
        "declined": int(part.declined.sum()),
        "not_estimable": why,
    }


def _accuracy(
    task: Task, part: Outcomes, weights: Array
) -> tuple[list[str], float | None, Range | None]:
    lesions = [len(np.unique(part.units[part.truth == label])) for label in range(len(task.keys))]
    kept = [label for label, count in enumerate(lesions) if count >= FEWEST_EVENTS]
    if len(kept) < 2:
        return [], None, None
    members = np.isin(part.truth, kept)
    counts = metrics.confusion(part.truth[members], part.decision[members], len(task.keys))
    tables = metrics.resampled_confusion(
        part.truth[members], part.decision[members], len(task.keys), weights[:, members]
    )
    drawn = metrics.resampled_balanced_accuracy(tables)
    return [task.keys[k] for k in kept], metrics.balanced_accuracy(counts), metrics.spread(drawn)
