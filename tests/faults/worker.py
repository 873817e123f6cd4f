"""A real worker as the tests see it, and what they look at and do to the queue."""

import os
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from redis import Redis

from dermaclinic import bell
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.processes import Child
from inference.models import Prediction
from inference.services import queue
from tests import opinions
from tests.database import acting_as
from tests.waiting import wait_until

START_SECONDS = 90
FINAL = {"ready", "declined", "failed"}


@dataclass
class Worker:
    """An inference worker's process."""

    child: Child

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.child.pid, number)

    def lines(self, text: str) -> int:
        """How often the log says so."""
        return self.child.log.read_text(errors="replace").count(text)

    def wait_ready(self) -> None:
        wait_until(lambda: self.lines("ready."), START_SECONDS, what=str(self.child.log))

    def wait_idle(self) -> None:
        """Until it has taken and finished every bell that was rung."""
        wait_until(
            lambda: self.lines("received") == self.lines("succeeded in") and not bells_waiting(),
            what="the end of all bells",
        )

    def wait_end(self) -> int:
        """Its exit status, once it has ended."""
        wait_until(lambda: not self.child.alive(), 30, what="the worker's end")
        assert self.child.process is not None
        return int(self.child.process.returncode)

    def stop_in_mid_run(self, actor: Actor) -> None:
        """Freeze it (SIGSTOP) while it holds rows under lease."""

        def caught() -> bool:
            self.signal(signal.SIGSTOP)
            if "running" in statuses(actor):
                return True
            self.signal(signal.SIGCONT)
            return False

        wait_until(caught, what="rows under lease")


def statuses(actor: Actor) -> Counter[str]:
    """How many of the clinic's rows are where."""
    with clinic_context(actor.clinic_id):
        return Counter(Prediction.objects.values_list("status", flat=True))


def bells_waiting() -> int:
    """Messages that no worker has taken yet."""
    return int(Redis.from_url(os.environ["REDIS_URL"]).llen("inference"))


def ring() -> None:
    assert bell.ring_now(bell.INFERENCE)


def sweep() -> None:
    """What the default worker does once a minute."""
    with opinions.as_worker():
        swept = queue.sweep()
    if swept is not None and swept.queued:
        ring()


def end_leases(actor: Actor) -> None:
    """Let the time pass after which running rows are anybody's."""
    with clinic_context(actor.clinic_id), acting_as("worker"):
        Prediction.objects.filter(clinic=actor.clinic_id, status="running").update(
            lease_expires_at=timezone.now() - timedelta(seconds=1)
        )


def wait_until_final(actor: Actor, count: int, timeout: float = 60) -> Counter[str]:
    """How the rows ended, once all of them have."""
    wait_until(
        lambda: sum(statuses(actor)[status] for status in FINAL) == count,
        timeout,
        what=f"{count} endings; there are {statuses(actor)}",
    )
    return statuses(actor)


def each_ended_once(actor: Actor, count: int) -> bool:
    """Every image has one row with one ending, and one event of it."""
    rows = opinions.predictions(actor)
    with clinic_context(actor.clinic_id):
        events = Event.objects.filter(action__in=[f"prediction.{status}" for status in FINAL])
        told = Counter(events.values_list("object_id", flat=True))
    return (
        len(rows) == len({row.instance_id for row in rows}) == count
        and all(row.status in FINAL for row in rows)
        and told == Counter(str(row.pk) for row in rows)
    )
