"""The opinion that stands beside a lesion at a visit: which one it is, and what it says.

The rule: of each image the newest opinion counts, whatever became of it. Among those that are
ready, the most worrying one stands for the lesion: an urgent one before the rest, then the highest
triage score. An opinion that was declined, failed, superseded, never asked for, or that the patient
has said no to, is no opinion.
"""

import uuid
from collections.abc import Collection, Iterable

from django.db.models import Q

from inference.lens import Lens, Shown
from inference.models import Prediction, Status
from reports import diagnoses
from reports.models import Agreement, OpinionState

PENDING = [Status.QUEUED, Status.RUNNING]
NEWEST_FIRST = ("-rerun", "-requested_at")
_OF_MODELS = ("model_version__manifest", "model_version__metrics", "model_version__card")


# Of a lesion's images the first of these that occurs tells the lesion's state.
_PRECEDENCE = [
    OpinionState.OPTED_OUT,
    OpinionState.READY,
    OpinionState.PENDING,
    OpinionState.DECLINED,
    OpinionState.FAILED,
    OpinionState.MISSING,
]


def newest(instance_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Prediction]:
    """The newest opinion on each image, with its model and without its pictures; one query.

    Each says by `has_melanoma_map` whether there is a heat map of melanoma.
    """
    rows = (
        Prediction.objects.filter(instance_id__in=instance_ids)
        .order_by("instance_id", *NEWEST_FIRST)
        .distinct("instance_id")
        .select_related("model_version")
        .annotate(has_melanoma_map=Q(melanoma_saliency__isnull=False))
        .defer("saliency", "melanoma_saliency", "mask", "embedding", *_OF_MODELS)
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
    return max(ready, key=_worry), state


def _worry(prediction: Prediction) -> tuple[bool, float, str]:
    score = (prediction.result or {}).get("triage_score") or prediction.malignant_probability
    return prediction.triage == "urgent", score or 0, str(prediction.pk)


def read(prediction: Prediction, *, lens: Lens) -> Shown:
    """A ready prediction as the lens shows it. ValueError for one that is not ready."""
    shown = lens.shown(prediction)
    if shown is None:
        raise ValueError(f"The prediction {prediction.pk} is not ready.")
    return shown


def agreement(codes: list[str], prediction: Prediction | None) -> Agreement:
    """The doctor's first diagnosis against the opinion as this clinic sees it now.

    Compared by the network's coarser classes, by their SNOMED CT codes, since networks name their
    classes each in their own way; a diagnosis that none of them holds differs from every opinion.
    """
    if prediction is None:
        return Agreement.NO_OPINION
    ranked = [line.code for line in read(prediction, lens=Lens.of()).lines]
    own = codes[0] if codes[0] in ranked else diagnoses.class_code(codes[0])
    if own is None or own not in ranked[:3]:
        return Agreement.DIFFERS
    return Agreement.AGREES if own == ranked[0] else Agreement.PARTLY
