"""Images and lesions at a visit with what was said of them, for worklist and review page."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dermaclinic.accounts.actor import Actor
from imaging.models import Instance
from inference.models import Prediction
from patients.models import Consent, Lesion, Purpose
from reports import opinions, veil
from reports.models import Assessment, OpinionState


@dataclass
class ImageRow:
    """An image and the newest opinion on it (None: never asked for). `seen`: it was assessed.

    `veiled`: whoever looks may know urgent or routine of the opinion, and no more.
    """

    instance: Instance
    prediction: Prediction | None
    state: OpinionState
    seen: bool
    veiled: bool = True


@dataclass
class LesionRow:
    """A lesion at a visit.

    `opinion` is the one that an assessment is compared with, `assessment` the newest that counts;
    `open`: an image of it has not been assessed. `veiled`: whoever looks may know urgent or routine
    of what the opinions say, and no more; false where there is none to be seen.
    """

    lesion: Lesion
    images: list[ImageRow]
    opinion: Prediction | None
    state: OpinionState
    assessment: Assessment | None
    open: bool
    veiled: bool = True


def opted_out(patient_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the patients who have not agreed to opinions by software."""
    said = (
        Consent.objects.filter(patient_id__in=patient_ids, purpose=Purpose.AI_OPINION)
        .order_by("patient_id", "-recorded_at")
        .distinct("patient_id")
    )
    return set(patient_ids) - {each.patient_id for each in said if each.granted}


def image_rows(
    instances: Iterable[Instance],
    assessments: Iterable[Assessment],
    without: set[uuid.UUID],
    *,
    actor: Actor | None = None,
) -> list[ImageRow]:
    """Rows of images; `without` are the patients who have not agreed to opinions.

    `assessments` are those that count. `actor` is who looks: without one, every opinion is veiled.
    A constant number of queries.
    """
    instances = list(instances)
    hidden = {each.pk for each in instances} if actor is None else veil.hidden(actor, instances)
    newest = opinions.newest([each.pk for each in instances])
    seen = {(each.study_id, each.lesion_id, image) for each in assessments for image in each.images}
    rows = []
    for instance in instances:
        prediction = newest.get(instance.pk)
        if prediction is not None:
            prediction.instance = instance
        rows.append(
            ImageRow(
                instance=instance,
                prediction=prediction,
                state=opinions.state_of(prediction, opted_out=instance.patient_id in without),
                seen=(instance.study_id, instance.lesion_id, instance.pk) in seen,
                veiled=instance.pk in hidden,
            )
        )
    return rows


def lesion_row(lesion: Lesion, images: list[ImageRow], history: list[Assessment]) -> LesionRow:
    """A lesion with its images at one visit; `history` are those that count, newest first."""
    out = any(row.state == OpinionState.OPTED_OUT for row in images)
    opinion, state = opinions.choose([row.prediction for row in images], opted_out=out)
    return LesionRow(
        lesion=lesion,
        images=images,
        opinion=opinion,
        state=state,
        assessment=history[0] if history else None,
        open=not all(row.seen for row in images),
        veiled=any(row.veiled and row.state == OpinionState.READY for row in images),
    )


def by_lesion(rows: Iterable[ImageRow]) -> tuple[dict[Lesion, list[ImageRow]], list[ImageRow]]:
    """Images grouped by lesion, in the order of the lesions' numbers; and those without one."""
    groups: dict[Lesion, list[ImageRow]] = {}
    unassigned = []
    for row in rows:
        if row.instance.lesion is None:
            unassigned.append(row)
        else:
            groups.setdefault(row.instance.lesion, []).append(row)
    return dict(sorted(groups.items(), key=lambda item: item[0].number)), unassigned
