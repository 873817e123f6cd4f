"""Writing what the engine found: one bulk update and one bulk audit insert per clinic and batch.

Nothing is written for a row whose lease has ended, was taken over, or which became final meanwhile.
"""

import json
import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from psycopg2 import Binary

from dermaclinic import audit
from dermaclinic.accounts.actor import system_actor
from dermaclinic.accounts.tenancy import clinic_context
from inference.models import Prediction, Status
from inference.services import thresholds
from inference.services.cases import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inference.engine import Finding
    from inference.package import Package

TASK = "workers.inference.drain"
RETRY_SECONDS = 15  # before the second attempt; four times as long before each further one


@dataclass(frozen=True)
class Outcome:
    """How one claimed row ended: READY, DECLINED, FAILED, or RUNNING until another attempt."""

    job: Job
    status: Status
    error: str = ""
    declined_reason: str = ""
    malignant_probability: float | None = None
    triage: str = ""
    result: dict[str, Any] | None = None
    saliency: bytes | None = None
    saliency_shape: tuple[int, int] | None = None
    melanoma_saliency: bytes | None = None
    mask: bytes | None = None
    mask_shape: tuple[int, int] | None = None
    embedding: bytes | None = None


def failed(job: Job, error: str) -> Outcome:
    """Trying again would not help."""
    return Outcome(job, Status.FAILED, error=error)


def try_again(job: Job, error: str) -> Outcome:
    """Tried again after a while, or failed for good when this was the last attempt.

    What went wrong (a disk or a store that does not answer) takes time to mend: queued at once, the
    row would use up its attempts in milliseconds. So it stays RUNNING, under a short lease that
    nobody holds, until the sweep queues it. `error` is kept.
    """
    last = job.row.attempts >= settings.INFERENCE_MAX_ATTEMPTS
    return Outcome(job, Status.FAILED if last else Status.RUNNING, error=error)


def declined(job: Job, reason: str) -> Outcome:
    """There is no opinion, for a reason that a doctor should know."""
    return Outcome(job, Status.DECLINED, declined_reason=reason)


def answered(job: Job, finding: "Finding", package: "Package") -> Outcome:
    """READY or DECLINED, as the engine found it.

    `result` holds `differential` (key, SNOMED CT code, display, probability, and what it would be
    from the image alone; most likely first), `decision` and `prediction_sets` (keys), the triage
    score with the `operating_point` that it was held against and all `operating_points`, the codes
    of what `limited` the opinion, `measurements` where the lesion was outlined, `quality`,
    `embedding_distance`, `metadata_used`, and the `runtime` that computed it. Of a declined image
    only the last four and `declined_code` are kept: a figure that nobody should trust is not there
    to be shown.
    """
    shared = {
        "quality": finding.quality,
        "embedding_distance": finding.embedding_distance,
        "metadata_used": finding.metadata_used,
        "runtime": finding.runtime,
    }
    if finding.declined_reason:
        return Outcome(
            job,
            Status.DECLINED,
            declined_reason=finding.declined_reason,
            result=shared | {"declined_code": finding.declined_code},
        )
    figures = (*finding.probabilities.values(), *finding.image_only.values(), finding.triage_score)
    if not all(map(math.isfinite, figures)):
        return failed(job, _("The network gave no valid numbers for this image."))
    classes = {each.key: each for each in package.classes}
    return Outcome(
        job,
        Status.READY,
        malignant_probability=finding.malignant_probability,
        triage=finding.triage,
        result=shared
        | {
            "differential": [
                {
                    "key": key,
                    "code": classes[key].code,
                    "display": classes[key].display,
                    "probability": finding.probabilities[key],
                    "image_only": finding.image_only.get(key),
                }
                for key in finding.ranked
            ],
            "decision": finding.decision,
            "prediction_sets": finding.prediction_sets,
            "operating_point": finding.operating_point,
            "operating_points": finding.operating_points,
            "triage_score": finding.triage_score,
            "limited": finding.limited,
        }
        | ({} if finding.measurements is None else {"measurements": finding.measurements}),
        saliency=finding.saliency.tobytes(),
        saliency_shape=_shape(finding.saliency),
        melanoma_saliency=_bytes(finding.melanoma_saliency),
        mask=_bytes(finding.mask),
        mask_shape=None if finding.mask is None else _shape(finding.mask),
        embedding=_bytes(finding.embedding),
    )


def _shape(grid: "NDArray[Any]") -> tuple[int, int]:
    return grid.shape[0], grid.shape[1]


def _bytes(grid: "NDArray[Any] | None") -> bytes | None:
    return None if grid is None else grid.tobytes()


def record(*, token: uuid.UUID, outcomes: Iterable[Outcome]) -> int:
    """Write outcomes under a lease, one transaction per clinic; the number of rows written."""
    by_clinic = sorted(outcomes, key=lambda each: str(each.job.row.clinic_id))
    return sum(
        _record(clinic_id, token, list(group))
        for clinic_id, group in groupby(by_clinic, key=lambda each: each.job.row.clinic_id)
    )


def _record(clinic_id: uuid.UUID, token: uuid.UUID, outcomes: Sequence[Outcome]) -> int:
    patients = {each.job.row.id: each.job.patient_id for each in outcomes}
    with clinic_context(clinic_id):
        outcomes = _by_own_targets(outcomes)
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE inference_prediction AS row
                SET status = given.status, error = given.error,
                    declined_reason = given.declined_reason,
                    malignant_probability = given.malignant_probability,
                    triage = given.triage, result = given.result,
                    saliency = given.saliency, saliency_shape = given.saliency_shape,
                    melanoma_saliency = given.melanoma_saliency, mask = given.mask,
                    mask_shape = given.mask_shape, embedding = given.embedding,
                    lease_token = CASE given.status
                        WHEN 'running' THEN gen_random_uuid() END,
                    lease_expires_at = CASE given.status WHEN 'running' THEN clock_timestamp()
                        + make_interval(secs => %s * power(4, row.attempts - 1)) END,
                    finished_at = CASE given.status
                        WHEN 'running' THEN NULL ELSE clock_timestamp() END
                FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::float8[],
                    %s::text[], %s::jsonb[], %s::bytea[], %s::jsonb[], %s::bytea[], %s::bytea[],
                    %s::jsonb[], %s::bytea[]) AS given (
                    id, status, error, declined_reason, malignant_probability, triage, result,
                    saliency, saliency_shape, melanoma_saliency, mask, mask_shape, embedding)
                WHERE row.id = given.id AND row.lease_token = %s AND row.status = 'running'
                  AND row.lease_expires_at > clock_timestamp()
                RETURNING row.id, row.status
                """,
                [RETRY_SECONDS, *map(list, zip(*map(_values, outcomes), strict=True)), token],
            )
            written = cursor.fetchall()
        audit.recorded_predictions(
            system_actor(clinic_id, task=TASK),
            [
                (Prediction(pk=pk, clinic_id=clinic_id, status=status), patients[pk])
                for pk, status in written
                if status != Status.RUNNING
            ],
        )
    return len(written)


def _by_own_targets(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The same, with the urgency that the clinic's own targets give; it keeps the point's name."""
    said = {each.job.row.id: each.result for each in outcomes if each.triage and each.result}
    judged = thresholds.judged(said)
    return [
        each
        if (own := judged.get(each.job.row.id)) is None
        else replace(
            each,
            triage=own.triage,
            result={
                **(each.result or {}),
                "operating_point": own.point,
                "operating_points": own.points,
            },
        )
        for each in outcomes
    ]


def _values(outcome: Outcome) -> list[Any]:
    return [
        outcome.job.row.id,
        str(outcome.status),
        outcome.error,
        outcome.declined_reason,
        outcome.malignant_probability,
        outcome.triage,
        _json(outcome.result),
        _binary(outcome.saliency),
        _json(outcome.saliency_shape),
        _binary(outcome.melanoma_saliency),
        _binary(outcome.mask),
        _json(outcome.mask_shape),
        _binary(outcome.embedding),
    ]


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _binary(data: bytes | None) -> Binary | None:
    return None if data is None else Binary(data)
