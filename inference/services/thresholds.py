"""From which score on an opinion is urgent in a clinic: the model's targets, or the clinic's own.

A model has an operating point for each class with a target, and a curve of further ones. A clinic
may move a target along that curve. The rule really applied is one threshold on the triage score:
the least of the points', so that every promise is kept at once.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dermaclinic.accounts import clinic_settings
from inference.models import ModelVersion, Prediction

Point = dict[str, Any]
Manifest = Mapping[str, Any]
URGENT, ROUTINE = "urgent", "routine"


@dataclass(frozen=True)
class Judgement:
    """What a clinic's own targets make of a triage score; `points` are all, `point` binds."""

    triage: str
    point: Point
    points: list[Point]


@dataclass(frozen=True)
class Promise:
    """What a threshold holds of malignant lesions together, at the model's own mix of them."""

    sensitivity: float
    specificity: float


def threshold_for(manifest: Manifest) -> float:
    """From which triage score on a model's opinion is urgent here. In the clinic's context."""
    return float(binding(points(manifest, targets(manifest)))["threshold"])


def targets(manifest: Manifest) -> dict[str, float]:
    """The targets that the clinic has set for models of this modality, by class; in its context."""
    held = clinic_settings.current()
    return dict(held.targets.get(_modality(manifest), {})) if held else {}


def points(manifest: Manifest, wanted: Mapping[str, float]) -> list[Point]:
    """A model's operating points, those whose target the clinic has moved taken from the curve.

    A moved one says so (`set_by`), and which target was wanted where the model cannot promise it.
    """
    return [
        _moved(point, curve(manifest, point["name"]), wanted.get(point["name"]))
        for point in manifest.get("operating_points", [])
    ]


def curve(manifest: Manifest, key: str) -> list[Point]:
    """What each target of a class would cost, least sensitive first."""
    rows = [row for row in manifest.get("operating_curve", []) if row["class"] == key]
    return sorted(rows, key=lambda row: float(row["target"]))


def binding(points: Iterable[Point]) -> Point:
    """The point that decides: the one with the least threshold. ValueError without any."""
    return min(points, key=lambda point: float(point["threshold"]))


def promise(manifest: Manifest, threshold: float) -> Promise | None:
    """Sensitivity and specificity of a rule from what is known at thresholds no easier to pass.

    Each class counts as it occurs in the model's prior. A rule with a lower threshold finds no
    fewer, so that the figures are lower bounds. None where the manifest does not tell enough.
    """
    rows = [*manifest.get("operating_points", []), *manifest.get("operating_curve", [])]
    prior = manifest.get("prior", {})
    found: dict[str, float] = {}
    for row in rows:
        if row["threshold"] >= threshold:
            name = row.get("class", row.get("name", ""))
            found[name] = max(found.get(name, 0.0), float(row["sensitivity"]))
    spared = [float(row["specificity"]) for row in rows if row["threshold"] <= threshold]
    classes = {name: share for name, share in found.items() if name in prior}
    if not found or not spared:
        return None
    if classes:
        whole = sum(float(prior[name]) for name in classes)
        sensitivity = sum(float(prior[name]) * share for name, share in classes.items()) / whole
    else:  # a model with one point for all that is malignant
        sensitivity = max(found.values())
    return Promise(sensitivity, max(spared))


def judged(results: Mapping[uuid.UUID, Mapping[str, Any]]) -> dict[uuid.UUID, Judgement]:
    """Results as the engine found them, by prediction, judged by the clinic's own targets.

    Only those that its targets concern are in the answer. A step of the transaction that records
    them, in the clinic's context: what is on record keeps the rule of its day.
    """
    held = clinic_settings.current()
    scores = {
        pk: float(result["triage_score"])
        for pk, result in results.items()
        if result.get("triage_score") is not None
    }
    if held is None or not held.targets or not scores:
        return {}
    rows = Prediction.objects.filter(pk__in=scores)
    asked = dict(rows.values_list("pk", "model_version_id"))
    models = ModelVersion.objects.in_bulk(set(asked.values()))
    judgements = {}
    for pk, model_id in asked.items():
        manifest = models[model_id].manifest
        wanted = held.targets.get(_modality(manifest), {})
        if wanted and (moved := points(manifest, wanted)):
            judgements[pk] = _judge(scores[pk], moved)
    return judgements


def _judge(score: float, points: list[Point]) -> Judgement:
    point = binding(points)
    return Judgement(URGENT if score >= point["threshold"] else ROUTINE, point, points)


def _moved(point: Point, curve: list[Point], wanted: float | None) -> Point:
    if wanted is None or not curve or wanted == point["target_sensitivity"]:
        return dict(point)
    row = next((row for row in curve if row["target"] >= wanted), curve[-1])
    moved = {
        **point,
        "target_sensitivity": row["target"],
        **{
            name: row[name]
            for name in ("threshold", "sensitivity", "sensitivity_low", "specificity")
        },
        "set_by": "clinic",
    }
    return moved | ({"wanted": wanted} if row["target"] < wanted else {})


def _modality(manifest: Manifest) -> str:
    return str(manifest.get("modality", "dermoscopy"))
