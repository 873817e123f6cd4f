"""Everything that reads opinions and models for a page or the API.

Call it in a clinic's context.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.errors import NotFound
from imaging.models import Modality
from inference import heatmap, outline as outlines
from inference.models import ModelVersion, Prediction, Status


@dataclass(frozen=True)
class Diagnosis:
    """One line of a differential: the class's key, SNOMED CT code, words, and probability.

    `image_only` is the probability with metadata masked; older opinions do not tell.
    """

    key: str
    code: str
    display: str
    probability: float
    image_only: float | None = None


@dataclass(frozen=True)
class Extent:
    """How large a lesion is inside of its outline; see `network/shape.py`."""

    diameter_mm: float
    area_mm2: float


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
        .defer("saliency", "melanoma_saliency", "mask", "embedding")
    )
    return {row.instance_id: row for row in rows}


def differential(prediction: Prediction) -> list[Diagnosis]:
    """Most likely first; empty unless the opinion is READY."""
    return [Diagnosis(**line) for line in _part(prediction, "differential", [])]


def prediction_set(prediction: Prediction, coverage: str = "90") -> list[Diagnosis]:
    """The diagnoses that hold the truth in `coverage` per cent of such images."""
    keys = _part(prediction, "prediction_sets", {}).get(coverage, [])
    return [line for line in differential(prediction) if line.key in keys]


def heat_map(prediction: Prediction, *, melanoma: bool = False) -> bytes:
    """A PNG that lies over the image (see heatmap.py), of the first class or of melanoma.

    NotFound where there is none, and for an empty grid: nothing over a photograph is no map.
    """
    grid = prediction.melanoma_saliency if melanoma else prediction.saliency
    if grid is None or prediction.saliency_shape is None or not any(bytes(grid)):
        raise NotFound(_("There is no heat map for this opinion."))
    return heatmap.png(bytes(grid), prediction.saliency_shape, _size(prediction))


def outline(prediction: Prediction) -> str:
    """An SVG of the lesion's outline over the image; NotFound where none was found."""
    drawn = outlines.svg(*_mask(prediction), _size(prediction))
    if drawn is None:
        raise NotFound(_("No lesion was found in this image to draw a line around."))
    return drawn


def mask(prediction: Prediction) -> bytes:
    """A black and white PNG of the lesion in the image's size; NotFound where there is none."""
    return outlines.png(*_mask(prediction), _size(prediction))


def _mask(prediction: Prediction) -> tuple[bytes, list[int]]:
    if prediction.mask is None or prediction.mask_shape is None:
        raise NotFound(_("There is no outline for this opinion."))
    return bytes(prediction.mask), prediction.mask_shape


def _size(prediction: Prediction) -> tuple[int, int]:
    return prediction.instance.width, prediction.instance.height


def extent(prediction: Prediction) -> Extent | None:
    """None unless the lesion was outlined whole in an image whose scale is known."""
    found = (prediction.result or {}).get("measurements") or {}
    diameter, area = found.get("diameter_mm"), found.get("area_mm2")
    if prediction.status != Status.READY or diameter is None or area is None:
        return None
    return Extent(diameter, area)


def active_model(modality: str = Modality.DERMOSCOPY) -> ModelVersion | None:
    """The model that answers now for images taken in this way."""
    return ModelVersion.objects.filter(active=True, modality=modality).first()


def _part(prediction: Prediction, name: str, empty: Any) -> Any:
    if prediction.status != Status.READY or not prediction.result:
        return empty
    return prediction.result.get(name, empty)
