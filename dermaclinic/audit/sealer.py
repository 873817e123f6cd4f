"""Seals committed events, one clinic after the other; writers take no lock and never wait.

An event is ready when its transaction is older than every transaction still running
(`xid < pg_snapshot_xmin(pg_current_snapshot())`): nothing can be inserted before it any more.
"""

import uuid
from itertools import groupby

from django.db import connection, transaction
from django.utils import timezone

from dermaclinic.audit.content import FORM, GENESIS, leaf, merkle_root, seal_bytes
from dermaclinic.audit.keyring import seal_keys
from dermaclinic.audit.models import Event, Seal, SealedEvent

SEALER_LOCK = 0x5EA1
MAX_EVENTS = 10_000


class AnotherSealer(RuntimeError):
    """A sealer is at work already."""


def lock() -> None:
    """Take the session's advisory lock; AnotherSealer when somebody holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SEALER_LOCK])
        if not cursor.fetchone()[0]:
            raise AnotherSealer("Another sealer holds the lock.")


def unlock() -> None:
    """Give the advisory lock back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [SEALER_LOCK])


def seal_once(*, everything: bool = False) -> int:
    """Seal what is ready, at most MAX_EVENTS; the number of events sealed.

    A pass starts where the last one ended. `everything` looks from the beginning, as is needed once
    after a restore into another cluster, where transaction ids start anew.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            ready_below = int(cursor.fetchone()[0])
        last = Seal.objects.order_by("-id").first()
        start = last.horizon if last and not everything else 0
        if start > ready_below:
            start = 0
        events = list(
            Event.objects.raw(
                """
                SELECT event.* FROM audit_event event
                LEFT JOIN audit_sealedevent sealed ON sealed.event_id = event.id
                WHERE event.xid >= %s::text::xid8 AND event.xid < %s::text::xid8
                  AND sealed.event_id IS NULL
                ORDER BY event.xid, event.id LIMIT %s
                """,
                [start, ready_below, MAX_EVENTS],
            )
        )
        # A full pass may have left some of its last transaction for the next one.
        horizon = events[-1].xid if len(events) == MAX_EVENTS else ready_below
        by_clinic = sorted(events, key=lambda e: str(e.clinic_id or ""))
        for clinic_id, group in groupby(by_clinic, key=lambda e: e.clinic_id):
            _seal(clinic_id, list(group), horizon)
    return len(events)


def _seal(clinic_id: uuid.UUID | None, events: list[Event], horizon: int) -> None:
    previous = Seal.objects.filter(clinic=clinic_id).order_by("-number").first()
    ring = seal_keys()
    leaves = [leaf(event) for event in events]
    seal = Seal(
        clinic_id=clinic_id,
        number=previous.number + 1 if previous else 1,
        sealed_at=timezone.now(),
        first_event=events[0].id,
        last_event=events[-1].id,
        count=len(events),
        horizon=horizon,
        merkle_root=merkle_root(leaves),
        previous_mac=bytes(previous.mac) if previous else GENESIS,
        form=FORM,
        key_id=ring.current,
    )
    seal.mac = ring.sign(seal_bytes(seal))
    seal.save(force_insert=True)
    SealedEvent.objects.bulk_create(
        SealedEvent(seal=seal, event=event, position=position, leaf=own)
        for position, (event, own) in enumerate(zip(events, leaves, strict=True))
    )
