"""Everything that reads opinions and models for a page or the API.

Call it in a clinic's context.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from inference.models import ModelVersion, Prediction, Status


@dataclass(frozen=True)
class Diagnosis:
    """One line of a differential: the class's key, SNOMED CT code, words, and probability."""

    key: str
    code: str
    display: str
    probability: float


def find(actor: Actor, prediction_id: uuid.UUID) -> Prediction:
    """One opinion with its image and model; NotFound (and an event) for another clinic's."""
    return policies.find(
        actor,
        "view",
        Prediction.objects.select_related("instance", "model_version"),
        pk=prediction_id,
    )


def newest(actor: Actor, instance_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Prediction]:
    """The opinion that counts on each image, by the image's id: the last one asked for.

    Without the heat maps, which lists do not show; an image never asked about is absent.
    """
    predictions: QuerySet[Prediction] = policies.visible(actor, Prediction.objects.all())
    rows = (
        predictions.filter(instance_id__in=list(instance_ids))
        .exclude(status=Status.SUPERSEDED)
        .order_by("instance_id", "-rerun", "-requested_at")
        .distinct("instance_id")
        .select_related("model_version")
        .defer("saliency")
    )
    return {row.instance_id: row for row in rows}


def differential(prediction: Prediction) -> list[Diagnosis]:
    """Most likely first; empty unless the opinion is READY."""
    return [Diagnosis(**line) for line in _part(prediction, "differential", [])]


def prediction_set(prediction: Prediction, coverage: str = "90") -> list[Diagnosis]:
    """The diagnoses that hold the truth in `coverage` per cent of such images."""
    keys = _part(prediction, "prediction_sets", {}).get(coverage, [])
    return [line for line in differential(prediction) if line.key in keys]


def active_model() -> ModelVersion | None:
    """The model that answers now."""
    return ModelVersion.objects.filter(active=True).first()


def models(actor: Actor) -> QuerySet[ModelVersion]:
    """All registered models, newest first, for those who may see them."""
    policies.require(actor, "view", ModelVersion)
    return ModelVersion.objects.order_by("-registered_at")


def _part(prediction: Prediction, name: str, empty: Any) -> Any:
    if prediction.status != Status.READY or not prediction.result:
        return empty
    return prediction.result.get(name, empty)
