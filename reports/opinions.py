"""The opinion that stands beside a lesion at a visit: which one it is, and what it says.

The rule: of each image the newest opinion counts, whatever became of it. Among those that are
ready, the one with the highest malignant probability stands for the lesion. An opinion that was
declined, failed, superseded, never asked for, or that the patient has said no to, is no opinion.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from inference.models import Prediction, Status
from reports import diagnoses
from reports.models import Agreement, OpinionState

PENDING = [Status.QUEUED, Status.RUNNING]
NEWEST_FIRST = ("-rerun", "-requested_at")


# Of a lesion's images the first of these that occurs tells the lesion's state.
_PRECEDENCE = [
    OpinionState.OPTED_OUT,
    OpinionState.READY,
    OpinionState.PENDING,
    OpinionState.DECLINED,
    OpinionState.FAILED,
    OpinionState.MISSING,
]


@dataclass(frozen=True)
class Candidate:
    """One line of a differential. `key` is the network's class."""

    key: str
    code: str
    display: str
    probability: float


@dataclass(frozen=True)
class Opinion:
    """What a ready prediction says, most probable first."""

    prediction: Prediction
    differential: list[Candidate]
    result: dict[str, Any]

    @property
    def first(self) -> str:
        """The key of the most probable class."""
        return self.differential[0].key


def newest(instance_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Prediction]:
    """The newest opinion on each image, with its model and without the heat map; one query."""
    rows = (
        Prediction.objects.filter(instance_id__in=instance_ids)
        .order_by("instance_id", *NEWEST_FIRST)
        .distinct("instance_id")
        .select_related("model_version")
        .defer("saliency", "model_version__manifest")
    )
    return {row.instance_id: row for row in rows}


def state_of(prediction: Prediction | None, *, opted_out: bool) -> OpinionState:
    """What there is of an opinion on an image whose newest prediction this is."""
    if opted_out:
        return OpinionState.OPTED_OUT
    if prediction is None or prediction.status == Status.SUPERSEDED:
        return OpinionState.MISSING
    if prediction.pending:
        return OpinionState.PENDING
    return OpinionState(prediction.status)


def choose(
    predictions: Iterable[Prediction | None], *, opted_out: bool
) -> tuple[Prediction | None, OpinionState]:
    """The opinion on a lesion at a visit, from the newest one of each image; see the rule above."""
    rows = list(predictions)
    states = {state_of(row, opted_out=opted_out) for row in rows}
    state = next((each for each in _PRECEDENCE if each in states), OpinionState.MISSING)
    if state != OpinionState.READY:
        return None, state
    ready = [row for row in rows if row is not None and row.status == Status.READY]
    return max(ready, key=lambda row: (row.malignant_probability or 0, str(row.pk))), state


def read(prediction: Prediction) -> Opinion:
    """A ready prediction's differential, most probable first."""
    result: dict[str, Any] = prediction.result or {}
    lines = sorted(result["differential"], key=lambda line: -line["probability"])
    differential = [
        Candidate(line["key"], line["code"], line["display"], float(line["probability"]))
        for line in lines
    ]
    return Opinion(prediction, differential, result)


def agreement(codes: list[str], prediction: Prediction | None) -> Agreement:
    """The doctor's first diagnosis against the opinion, by the network's coarser classes.

    A diagnosis that none of the classes holds differs from every opinion.
    """
    if prediction is None:
        return Agreement.NO_OPINION
    own = diagnoses.model_class(codes[0])
    ranked = [line.key for line in read(prediction).differential]
    if own is None or own not in ranked[:3]:
        return Agreement.DIFFERS
    return Agreement.AGREES if own == ranked[0] else Agreement.PARTLY
