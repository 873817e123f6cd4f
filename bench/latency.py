"""How long a single image takes on an idle queue, from the answer to its upload to its opinion."""

import statistics
import time
from dataclasses import dataclass

from bench.clinic import Bench, wait_until
from dermaclinic.accounts.tenancy import clinic_context
from inference.models import Prediction

UPLOADS = 40
POLL_SECONDS = 0.001


@dataclass(frozen=True)
class Latency:
    """Medians in milliseconds.

    `ready_ms` runs from the upload's answer until a reader sees the opinion. `claimed_ms` runs from
    the request's row to the worker's claim, `worker_ms` from there to the result. `upload_ms` is
    what the upload itself takes, before the answer.
    """

    ready_ms: float
    worst_ms: float
    claimed_ms: float
    worker_ms: float
    upload_ms: float


def measure(bench: Bench) -> Latency:
    """One upload after the other; the first few only warm everything up."""
    runs = [_one(bench, 10_000 + number) for number in range(UPLOADS + 5)][5:]
    ready, claimed, worker, upload = (list(column) for column in zip(*runs, strict=True))
    return Latency(
        ready_ms=statistics.median(ready),
        worst_ms=max(ready),
        claimed_ms=statistics.median(claimed),
        worker_ms=statistics.median(worker),
        upload_ms=statistics.median(upload),
    )


def _one(bench: Bench, number: int) -> tuple[float, float, float, float]:
    began = time.perf_counter()
    instance = bench.upload(number)
    answered = time.perf_counter()

    def final() -> bool:
        with clinic_context(instance.clinic_id):
            rows = Prediction.objects.filter(instance=instance, finished_at__isnull=False)
            return rows.exists()

    wait_until(final, 30, step=POLL_SECONDS)
    seen = time.perf_counter()
    with clinic_context(instance.clinic_id):
        row = Prediction.objects.get(instance=instance)
    if row.started_at is None or row.finished_at is None:
        raise RuntimeError(f"{row} was not read by a worker.")
    claimed = (row.started_at - row.requested_at).total_seconds()
    worked = (row.finished_at - row.started_at).total_seconds()
    return (
        1000 * (seen - answered),
        1000 * claimed,
        1000 * worked,
        1000 * (answered - began),
    )
