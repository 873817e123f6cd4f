"""What the sealer takes out of the database: the daily anchor, and each sealed event to syslog.

It runs beside the sealing in a thread of its own. A full disk or a dead collector holds up neither
the sealing nor anybody's request: how far it got is kept in the database, and it tries again.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from itertools import accumulate

from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone

from dermaclinic.audit import anchors, dicom_message, syslog
from dermaclinic.audit.anchor_stores import store
from dermaclinic.audit.models import Delivery, Event, Seal

TOGETHER = 500  # events in one connection, or those of one seal if it has more
PAUSE, LONGEST_PAUSE = 1.0, 60.0
Say = Callable[[str], object]
logger = logging.getLogger(__name__)


def anchor() -> int:
    """Write today's anchor if that has not been done; the number of lines. OSError if it fails."""
    kept = store()
    return anchors.write(kept) if kept is not None and anchors.due() else 0


def deliver(to: syslog.Collector) -> int:
    """Send the next sealed events, in the order of their seals; their number, 0 when all are sent.

    OSError when the collector does not take them: they are sent again next time, perhaps twice.
    """
    place, _created = Delivery.objects.get_or_create(collector=to.name)
    following = Seal.objects.filter(id__gt=place.seal_id).order_by("id")
    seals = list(following.values_list("id", "count")[:TOGETHER])
    if not seals:
        return 0
    totals = accumulate(count for _id, count in seals)
    fitting = [own for (own, _), total in zip(seals, totals, strict=True) if total <= TOGETHER]
    last = fitting[-1] if fitting else seals[0][0]
    events = Event.objects.filter(sealed__seal_id__gt=place.seal_id, sealed__seal_id__lte=last)
    host = socket.gethostname() or "-"
    frames = [
        dicom_message.frame(event, hostname=host)
        for event in events.order_by("sealed__seal_id", "sealed__position")
    ]
    row = Delivery.objects.filter(pk=place.pk)
    try:
        syslog.send(to, frames)
    except OSError as error:
        row.update(tried_at=timezone.now(), trouble=type(error).__name__)
        raise
    row.update(seal_id=last, sent=F("sent") + len(frames), tried_at=timezone.now(), trouble="")
    return len(frames)


def deliver_next() -> int:
    """Deliver to the collector of the settings; 0 without one."""
    to = syslog.collector()
    return deliver(to) if to else 0


class _Errand:
    """One thing to take out, again and again; after trouble it waits, each time twice as long."""

    def __init__(self, run: Callable[[], int], say: Say, longest: float) -> None:
        self._run, self._say, self._longest = run, say, longest
        self._pause = PAUSE
        self._not_before = 0.0

    def attempt(self) -> int:
        """How much was taken out; 0 while it waits, and when it fails, for whatever reason."""
        if time.monotonic() < self._not_before:
            return 0
        try:
            done = self._run()
        except OSError as error:
            self._wait_longer(f"What is sealed could not be taken out: {type(error).__name__}")
        except DatabaseError as error:
            connection.close()
            self._wait_longer(f"The database does not answer: {type(error).__name__}")
        except Exception as error:  # a thread that ends takes out nothing ever again
            logger.exception("What is sealed could not be taken out")
            self._wait_longer(f"What is sealed could not be taken out: {type(error).__name__}")
        else:
            self._pause = PAUSE
            return done
        return 0

    def _wait_longer(self, what: str) -> None:
        self._pause = min(self._pause * 2, self._longest)
        self._not_before = time.monotonic() + self._pause
        self._say(f"{what}. Trying again in {self._pause:.0f} s.")


class Outside(threading.Thread):
    """Takes out what is due while `active` is set; `close` ends it. No errand waits for another."""

    def __init__(self, say: Say, *, longest_pause: float = LONGEST_PAUSE) -> None:
        super().__init__(name="audit-outside", daemon=True)
        self.active = threading.Event()
        self._stop_asked = threading.Event()
        self._anchor = _Errand(anchor, say, longest_pause)
        self._syslog = _Errand(deliver_next, say, longest_pause)

    def run(self) -> None:
        while not self._stop_asked.is_set():
            more = self.active.is_set() and self.once()
            if not more:
                self._stop_asked.wait(PAUSE)
        connection.close()

    def once(self) -> bool:
        """One round; True when there is more to send at once."""
        self._anchor.attempt()
        return self._syslog.attempt() > 0

    def close(self, seconds: float = 10.0) -> None:
        """End it, at the latest after what it is sending."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(seconds)
