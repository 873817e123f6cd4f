"""An opinion as a clinic sees it: moved to the prevalence that the clinic has declared.

What is stored holds for the collection that the model learned from, and stays as it is. A lens is
made once for a page and reads any number of opinions. Make it in the clinic's context.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ClinicSettings
from inference.models import ModelVersion, Prediction, Status
from inference.network import prevalence
from inference.network.classes import CLASSES
from inference.services import thresholds

MOVED = 0.01  # a smaller difference is not worth a sentence
_PARTS = ("prior", "classes", "operating_points", "operating_curve", "metadata")
_MALIGNANT = frozenset(row.key for row in CLASSES if row.malignant)


@dataclass(frozen=True)
class Line:
    """A line of the differential. `image_only`: with age, sex and so on left out, where known.

    `probability` and `image_only` hold at the declared prevalence, where there is one;
    `as_trained` is as stored. `in_90`, `in_95`: it belongs to the set of that coverage.
    """

    key: str
    code: str
    display: str
    probability: float
    as_trained: float
    image_only: float | None
    malignant: bool
    in_90: bool
    in_95: bool

    @property
    def moved(self) -> float:
        """How far what was known beside the image moved it."""
        return 0.0 if self.image_only is None else self.probability - self.image_only


@dataclass(frozen=True)
class Shown:
    """A ready opinion as shown. `declared` is the clinic's prevalence, None while not applied.

    `trained` is the share of malignant lesions that the stored figures hold for, None where the
    model does not say. `score` and `threshold` are of the triage, on the same scale as `malignant`.
    """

    lines: list[Line]
    malignant: float
    malignant_as_trained: float
    declared: float | None
    declared_at: datetime | None
    trained: float | None
    score: float | None
    threshold: float | None
    threshold_as_trained: float | None
    point: dict[str, Any]
    points: list[dict[str, Any]]
    values: prevalence.PredictiveValues | None

    @property
    def first_as_trained(self) -> Line:
        """The class that the heat map belongs to."""
        return max(self.lines, key=lambda line: line.as_trained)

    @property
    def moved(self) -> Line | None:
        """Melanoma, where knowing the person moved it; else what it moved furthest, if any."""
        far = [line for line in self.lines if abs(line.moved) >= MOVED]
        melanoma = next((line for line in far if line.key == "mel"), None)
        return melanoma or max(far, key=lambda line: abs(line.moved), default=None)

    @property
    def wider(self) -> list[Line]:
        """What the set of 95 % coverage holds beyond the one of 90 %."""
        return [line for line in self.lines if line.in_95 and not line.in_90]

    @property
    def compares(self) -> bool:
        """Does it tell what the image alone says?"""
        return any(line.image_only is not None for line in self.lines)


@dataclass(frozen=True)
class Lens:
    """A clinic's prevalence and, by model, what moving to it takes from the manifest."""

    held: ClinicSettings | None
    manifests: Mapping[uuid.UUID, Mapping[str, Any]]
    history: Sequence[ClinicSettings] = ()

    @classmethod
    def of(cls) -> Self:
        """The lens of the clinic whose context is open, as it is set now; two queries."""
        rows = ModelVersion.objects.values("pk", *(f"manifest__{part}" for part in _PARTS))
        manifests = {
            row["pk"]: {
                part: row[f"manifest__{part}"] for part in _PARTS if row[f"manifest__{part}"]
            }
            for row in rows
        }
        history = clinic_settings.history()
        return cls(next(iter(history), None), manifests, history)

    def at(self, moment: datetime) -> Self:
        """The same models under the settings that held at a moment; no query."""
        then = (row for row in self.history if row.changed_at <= moment)
        return replace(self, held=next(then, None))

    def shown(self, prediction: Prediction) -> Shown | None:
        """How an opinion reads here; None unless it is READY."""
        result: dict[str, Any] = prediction.result or {}
        if prediction.status != Status.READY or not result.get("differential"):
            return None
        manifest = self.manifests.get(prediction.model_version_id, {})
        malignant = _malignant(manifest)
        trained = _trained(manifest)
        declared = self.held.prevalence if self.held and trained else None
        rows = result["differential"]
        stored = {row["key"]: float(row["probability"]) for row in rows}
        bare = {row["key"]: row["image_only"] for row in rows if row.get("image_only") is not None}
        point = result.get("operating_point") or {}
        score = result.get("triage_score")

        def moved(shares: dict[str, float]) -> dict[str, float]:
            if declared is None or trained is None or not shares:
                return shares
            return prevalence.reweight(shares, malignant, prior=trained, prevalence=declared)

        def at(share: float | None) -> float | None:
            if declared is None or trained is None or share is None:
                return share
            return prevalence.shift(share, prior=trained, prevalence=declared)

        here, alone = moved(stored), moved(bare)
        sets = result.get("prediction_sets", {})
        lines = [
            Line(
                key=row["key"],
                code=row["code"],
                display=row["display"],
                probability=here[row["key"]],
                as_trained=stored[row["key"]],
                image_only=alone.get(row["key"]),
                malignant=row["key"] in malignant,
                in_90=row["key"] in sets.get("90", []),
                in_95=row["key"] in sets.get("95", []),
            )
            for row in rows
        ]
        as_trained = prediction.malignant_probability or 0.0
        return Shown(
            lines=sorted(lines, key=lambda line: (-line.probability, -line.as_trained)),
            malignant=at(as_trained) or 0.0,
            malignant_as_trained=as_trained,
            declared=declared,
            declared_at=self.held.changed_at if self.held and declared else None,
            trained=trained,
            score=at(score),
            threshold=at(point.get("threshold")),
            threshold_as_trained=point.get("threshold"),
            point=point,
            points=result.get("operating_points") or [],
            values=_values(manifest, point.get("threshold"), declared),
        )

    def fields(self, prediction: Prediction) -> list[str]:
        """The names of what the model can be told beside the image; empty where it does not say."""
        manifest = self.manifests.get(prediction.model_version_id, {})
        return list(manifest.get("metadata", {}).get("fields", []))


def _malignant(manifest: Mapping[str, Any]) -> frozenset[str]:
    rows = manifest.get("classes")
    return frozenset(row["key"] for row in rows if row["malignant"]) if rows else _MALIGNANT


def _trained(manifest: Mapping[str, Any]) -> float | None:
    """The share of malignant lesions in the model's prior; None where it does not tell."""
    prior = manifest.get("prior")
    if not prior:
        return None
    share = sum(float(prior.get(key, 0)) for key in _malignant(manifest)) / sum(prior.values())
    return share if 0 < share < 1 else None


def _values(
    manifest: Mapping[str, Any], threshold: float | None, declared: float | None
) -> prevalence.PredictiveValues | None:
    """Of the triage as it was applied, at the declared prevalence."""
    if declared is None or threshold is None:
        return None
    held = thresholds.promise(manifest, threshold)
    if held is None:
        return None
    return prevalence.ppv_npv(held.sensitivity, held.specificity, declared)
