"""Batches on their way through one network: claim, read and decode ahead, predict, record.

Three hands work at once. While a batch is in the network, the desk (one thread, the only one that
talks to PostgreSQL) writes the results of the batch before and claims the next one, whose images
the readers fetch, unseal and decode.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import DataError, IntegrityError
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from imaging.storage import vault
from imaging.vault import VaultCorrupt, VaultMissing
from inference.models import ModelVersion, Status
from inference.network import intended
from inference.network.preprocess import UnreadableImage
from inference.services import cases, queue
from inference.services.cases import Job
from inference.services.queue import Lease
from inference.services.record import Outcome, answered, declined, failed, record, try_again
from inference.services.requests import NO_CONSENT
from workers.lease import Watchdog, batch_seconds

if TYPE_CHECKING:
    from inference.engine import Engine

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
ROUND = 64  # batches before suspects and other models get their turn


@dataclass
class Batch:
    """A lease and its images, which threads are preparing; None where no opinion may be given."""

    lease: Lease
    images: list[tuple[Job, "Future[Pixels] | None"]]
    since: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since it was claimed."""
        return time.monotonic() - self.since


class Pipeline:
    """One model's road. When `stopping()`, what is claimed and not yet run is given back."""

    def __init__(
        self,
        model: ModelVersion,
        engine: "Engine",
        *,
        desk: Executor,
        readers: Executor,
        watchdog: Watchdog,
        stopping: Callable[[], bool],
    ) -> None:
        self.model = model
        self.engine = engine
        self.desk = desk
        self.readers = readers
        self.watchdog = watchdog
        self.stopping = stopping
        rules = {"modality": model.modality, **model.manifest}
        self.intended = intended.Intended.from_manifest(rules)

    def run(self) -> int:
        """Suspects one by one, then up to ROUND full batches; the number of batches run."""
        count = 0
        while (batch := self._claim_ahead(1, suspects=True).result()) is not None:
            with self.watchdog.limit(batch_seconds()):
                self._record_later(batch, self._answer(batch)).result()
            count += 1
        return count + self._stream()

    def _stream(self) -> int:
        """Full batches, each claimed while the one before it runs."""
        count = 0
        recorded: Future[None] | None = None
        following = self._claim_ahead(settings.INFERENCE_BATCH_SIZE)
        try:
            while not (self.stopping() or count == ROUND):
                with self.watchdog.limit(batch_seconds()):
                    batch = following.result()
                    if batch is None:
                        break
                    following = self._claim_ahead(settings.INFERENCE_BATCH_SIZE)
                    count += 1
                    outcomes = self._answer(batch)
                    if recorded is not None:
                        recorded.result()
                    recorded = self._record_later(batch, outcomes)
        finally:
            with self.watchdog.limit(batch_seconds()):
                self._give_back(following)
                if recorded is not None:
                    recorded.result()
        return count

    def _claim_ahead(self, limit: int, *, suspects: bool = False) -> "Future[Batch | None]":
        """The next batch, its images being prepared; None when there is none or we are to stop."""
        return self.desk.submit(self._claim, limit, suspects)

    def _claim(self, limit: int, suspects: bool) -> Batch | None:
        if self.stopping():
            return None
        lease = queue.claim(model=self.model, limit=limit, suspects=suspects)
        if lease is None:
            return None
        images = [
            (job, self.readers.submit(self._read, job) if self._may_speak_of(job) else None)
            for job in cases.jobs(lease)
        ]
        return Batch(lease, images)

    def _may_speak_of(self, job: Job) -> bool:
        return job.allowed and job.verdict(self.intended).none is None

    def _read(self, job: Job) -> Pixels:
        return self.engine.prepare(vault().get(job.image_name))

    def _give_back(self, claimed: "Future[Batch | None]") -> None:
        batch = claimed.result()
        if batch is None:
            return
        for _job, image in batch.images:
            if image is not None:
                image.cancel()
        self.desk.submit(queue.release, batch.lease).result()

    def _answer(self, batch: Batch) -> list[Outcome]:
        """How each row of a batch ended."""
        if batch.age > batch_seconds() / 2:
            self.desk.submit(queue.renew, batch.lease).result()
        outcomes: list[Outcome] = []
        prepared: list[tuple[Job, Pixels]] = []
        for job, image in batch.images:
            if image is None:
                outcomes.append(self._withheld(job))
                continue
            try:
                prepared.append((job, image.result()))
            except Exception as error:  # noqa: BLE001 - it never takes its batch down
                outcomes.append(_unreadable(job, error))
        return outcomes + self._predict(prepared)

    def _predict(self, prepared: Sequence[tuple[Job, Pixels]]) -> list[Outcome]:
        """Outcomes of a batch. When the network fails on it, its images are tried one by one."""
        from inference.engine import Case, Metadata

        if not prepared:
            return []
        try:
            findings = self.engine.predict(
                [
                    Case(
                        image,
                        Metadata(job.age, job.sex, job.site),
                        size=job.size,
                        pixel_spacing_mm=job.pixel_spacing_mm,
                    )
                    for job, image in prepared
                ]
            )
        except Exception as error:
            log.exception("The network failed on %d images.", len(prepared))
            if len(prepared) > 1:
                return [outcome for each in prepared for outcome in self._predict([each])]
            reason = _("The network failed on this image (%(error)s).")
            return [try_again(prepared[0][0], reason % {"error": type(error).__name__})]
        return [
            self._reserved(answered(job, finding, self.engine.package))
            for (job, _image), finding in zip(prepared, findings, strict=True)
        ]

    def _withheld(self, job: Job) -> Outcome:
        """The refusal of an image that the network is not shown."""
        code = job.verdict(self.intended).none
        if not job.allowed or code is None:
            return declined(job, str(NO_CONSENT))
        refusal = declined(job, _(intended.NONE[code]))
        return replace(refusal, result={"declined_code": code})

    def _reserved(self, outcome: Outcome) -> Outcome:
        """An answer with what its intended use says against it, beside what the image says."""
        codes = outcome.job.verdict(self.intended).limited
        if outcome.status != Status.READY or outcome.result is None or not codes:
            return outcome
        limited = [*outcome.result.get("limited", []), *codes]
        return replace(outcome, result={**outcome.result, "limited": limited})

    def _record_later(self, batch: Batch, outcomes: list[Outcome]) -> "Future[None]":
        return self.desk.submit(self._record, batch.lease, outcomes)

    def _record(self, lease: Lease, outcomes: list[Outcome]) -> None:
        try:
            written = record(token=lease.token, outcomes=outcomes)
        except (DataError, IntegrityError):
            log.exception("PostgreSQL refused a batch of results: they are written one by one.")
            written = sum(self._record_one(lease, outcome) for outcome in outcomes)
        if written < len(outcomes):
            log.warning("%d results came too late or twice.", len(outcomes) - written)

    def _record_one(self, lease: Lease, outcome: Outcome) -> int:
        try:
            return record(token=lease.token, outcomes=[outcome])
        except (DataError, IntegrityError):
            refused = failed(outcome.job, _("The network's answer could not be stored."))
            return record(token=lease.token, outcomes=[refused])


def _unreadable(job: Job, error: Exception) -> Outcome:
    """Damage is for good; a vault that does not answer, or is not mounted, may be there later."""
    log.warning("Image %s could not be read: %r", job.row.instance_id, error)
    if isinstance(error, UnreadableImage):
        return failed(job, _("The stored image could not be decoded."))
    if isinstance(error, VaultMissing):
        return try_again(job, _("The stored image is missing."))
    if isinstance(error, VaultCorrupt):
        return failed(job, _("The stored image is damaged."))
    reason = _("The stored image could not be read (%(error)s).")
    return try_again(job, reason % {"error": type(error).__name__})
