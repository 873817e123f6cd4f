"""The queue: claims and their leases, on the table of predictions.

Only the database's clock counts. A claim takes rows with SKIP LOCKED, marks them RUNNING under a
lease token and commits, before anything is computed. Whoever has lost the lease writes nothing (see
record.py). The worker's role alone sees all clinics' rows; all else is read in a clinic's context.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import ngettext

from dermaclinic import audit
from dermaclinic.accounts.actor import system_actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from inference.models import ModelVersion, Prediction, Status

log = logging.getLogger(__name__)

SWEEP_LOCK = 0x53EE
TASK = "workers.default.sweep"


@dataclass(frozen=True)
class Claimed:
    """A row under lease; `attempts` counts this one."""

    id: uuid.UUID
    clinic_id: uuid.UUID
    instance_id: uuid.UUID
    attempts: int


@dataclass(frozen=True)
class Lease:
    """Rows claimed together, and the token that proves it."""

    token: uuid.UUID
    rows: Sequence[Claimed]


@dataclass(frozen=True)
class Swept:
    """What a sweep did: rows queued again, rows failed; and how many are waiting now."""

    requeued: int
    failed: int
    queued: int


def waiting_models() -> list[ModelVersion]:
    """The models that somebody waits for: an opinion comes from the model it was asked of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT model_version_id FROM inference_prediction WHERE status = 'queued'"
        )
        ids = [row[0] for row in cursor.fetchall()]
    waiting = ModelVersion.objects.filter(pk__in=ids)
    return list(waiting.order_by("-active", "shadow", "registered_at"))


def claim(*, model: ModelVersion, limit: int, suspects: bool = False) -> Lease | None:
    """Up to `limit` queued rows of a model, oldest first, now RUNNING; None when there are none.

    Rows whose earlier attempt came to nothing (a killed process, perhaps by this very image) are
    suspects and left out; `suspects=True` claims only those, to be run one at a time, so that a
    poison image takes no other row down with it.

    What is to be read in the shadow of another model is claimed one by one, and only while nobody
    waits for an opinion: an image that comes in waits for no more than the one or two in hand.
    """
    limit = 1 if model.shadow else limit
    token = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        # A claim that a crashing server forgets is a row that is queued again: no need to wait.
        cursor.execute("SET LOCAL synchronous_commit TO off")
        cursor.execute(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM inference_prediction
                WHERE status = 'queued' AND model_version_id = %s
                  AND (attempts > 0) = %s
                  AND NOT (shadow AND EXISTS (
                      SELECT FROM inference_prediction WHERE status = 'queued' AND NOT shadow))
                ORDER BY requested_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE inference_prediction AS row
            SET status = 'running', attempts = attempts + 1, lease_token = %s,
                started_at = clock_timestamp(),
                lease_expires_at = clock_timestamp() + make_interval(secs => %s)
            FROM picked WHERE row.id = picked.id
            RETURNING row.id, row.clinic_id, row.instance_id, row.attempts
            """,
            [model.pk, suspects, limit, token, settings.INFERENCE_LEASE_SECONDS],
        )
        rows = [Claimed(*row) for row in cursor.fetchall()]
    return Lease(token, rows) if rows else None


def renew(lease: Lease) -> int:
    """Start the lease anew; the number of rows still held. A lease that has ended stays lost."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE inference_prediction
            SET lease_expires_at = clock_timestamp() + make_interval(secs => %s)
            WHERE id = ANY(%s) AND lease_token = %s AND status = 'running'
              AND lease_expires_at > clock_timestamp()
            """,
            [settings.INFERENCE_LEASE_SECONDS, _ids(lease), lease.token],
        )
        return cursor.rowcount


def release(lease: Lease) -> int:
    """Give back what will not be run, as if it had never been claimed; the number of rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE inference_prediction
            SET status = 'queued', attempts = attempts - 1, started_at = NULL,
                lease_token = NULL, lease_expires_at = NULL
            WHERE id = ANY(%s) AND lease_token = %s AND status = 'running'
            """,
            [_ids(lease), lease.token],
        )
        return cursor.rowcount


def sweep() -> Swept | None:
    """Queue rows whose lease ended again, or fail them after their last attempt.

    None when another sweep is at work.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
            if not cursor.fetchone()[0]:
                return None
            cursor.execute(
                """
                UPDATE inference_prediction
                SET status = 'queued', lease_token = NULL, lease_expires_at = NULL
                WHERE status = 'running' AND lease_expires_at <= clock_timestamp()
                  AND attempts < %s
                """,
                [settings.INFERENCE_MAX_ATTEMPTS],
            )
            requeued = cursor.rowcount
            cursor.execute(
                """
                SELECT id, clinic_id, instance_id, attempts, error FROM inference_prediction
                WHERE status = 'running' AND lease_expires_at <= clock_timestamp()
                ORDER BY clinic_id, id FOR UPDATE
                """
            )
            lost = cursor.fetchall()
            for clinic_id, rows in groupby(lost, key=lambda row: row[1]):
                _give_up(clinic_id, [(Claimed(*row[:4]), row[4]) for row in rows])
            cursor.execute("SELECT count(*) FROM inference_prediction WHERE status = 'queued'")
            queued = cursor.fetchone()[0]
    if requeued or lost:
        log.warning("Leases had ended: %d queued again, %d failed.", requeued, len(lost))
    return Swept(requeued=requeued, failed=len(lost), queued=queued)


def _give_up(clinic_id: uuid.UUID, rows: Iterable[tuple[Claimed, str]]) -> None:
    """Fail rows of one clinic for good, with their last error."""
    with clinic_context(clinic_id):
        failed = []
        for row, error in rows:
            sentence = error or ngettext(
                "The worker stopped while it read this image.",
                "The worker stopped each of %(count)d times while it read this image.",
                row.attempts,
            ) % {"count": row.attempts}
            failed.append((row, sentence))
        patients = dict(
            Instance.objects.filter(pk__in=[row.instance_id for row, _ in failed]).values_list(
                "pk", "patient_id"
            )
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE inference_prediction AS row
                SET status = 'failed', error = given.error, finished_at = clock_timestamp(),
                    lease_token = NULL, lease_expires_at = NULL
                FROM unnest(%s::uuid[], %s::text[]) AS given (id, error)
                WHERE row.id = given.id
                """,
                [[row.id for row, _ in failed], [sentence for _, sentence in failed]],
            )
        audit.recorded_predictions(
            system_actor(clinic_id, task=TASK),
            [
                (
                    Prediction(pk=row.id, clinic_id=clinic_id, status=Status.FAILED),
                    patients[row.instance_id],
                )
                for row, _ in failed
            ],
        )


def _ids(lease: Lease) -> list[uuid.UUID]:
    return [row.id for row in lease.rows]
