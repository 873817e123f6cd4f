"""Opinions and the models that give them."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, write, write_all

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def requested_prediction(actor: "Actor", prediction: Any) -> None:
    write(
        actor, "prediction.requested", obj=prediction, patient=prediction.instance.patient_id,
        detail={"instance": str(prediction.instance_id), "rerun": prediction.rerun},
    )  # fmt: skip


def viewed_prediction(actor: "Actor", prediction: Any, *, veiled: bool = False) -> None:
    """`veiled`: no more of it was shown than urgent or routine."""
    write(
        actor,
        "prediction.viewed",
        obj=prediction,
        patient=prediction.instance.patient_id,
        detail={"shown": "triage"} if veiled else {},
    )


def viewed_triages(actor: "Actor", predictions: Sequence[Any]) -> None:
    """Of each of them urgent or routine was shown, and no more; one statement for all."""
    write_all(
        event(
            actor, "prediction.viewed", obj=each, patient=each.instance.patient_id,
            detail={"shown": "triage"},
        )
        for each in predictions
    )  # fmt: skip


def recorded_predictions(actor: "Actor", rows: Sequence[tuple[Any, uuid.UUID]]) -> None:
    """A batch of opinions, one event each: (prediction, its patient's id)."""
    write_all(
        event(
            actor, f"prediction.{prediction.status}", obj=prediction, patient=patient,
            outcome="failure" if prediction.status == "failed" else "success",
        )
        for prediction, patient in rows
    )  # fmt: skip


def activated_model(actor: "Actor", model: Any) -> None:
    write(actor, "model.activated", obj=model, detail={"sha256": model.sha256})


def deactivated_model(actor: "Actor", model: Any) -> None:
    write(actor, "model.deactivated", obj=model, detail={"sha256": model.sha256})


def rolled_back_model(actor: "Actor", model: Any, *, left: Any) -> None:
    """An earlier model answers again in place of `left`."""
    write(
        actor, "model.rolled_back", obj=model,
        detail={"sha256": model.sha256, "from": str(left.pk)},
    )  # fmt: skip


def shadowed_model(actor: "Actor", model: Any) -> None:
    write(actor, "model.shadowed", obj=model, detail={"sha256": model.sha256})


def unshadowed_model(actor: "Actor", model: Any) -> None:
    write(actor, "model.unshadowed", obj=model, detail={"sha256": model.sha256})


def requested_shadow(actor: "Actor", prediction: Any) -> None:
    """A model in the shadow reads an image as well: for comparing models, shown to nobody."""
    write(
        actor, "prediction.shadow_requested", obj=prediction,
        patient=prediction.instance.patient_id,
        detail={"instance": str(prediction.instance_id), "rerun": prediction.rerun},
    )  # fmt: skip


def compared_models(actor: "Actor", model: Any, *, images: int) -> None:
    """Somebody looked at how a model in the shadow does; whole numbers, of no single patient."""
    write(actor, "model.compared", obj=model, detail={"images": images})
