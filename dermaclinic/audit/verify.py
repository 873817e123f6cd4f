"""Reads the whole audit against its seals and anchors and names the first thing that is wrong."""

import multiprocessing
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from dermaclinic.audit import anchors, pool
from dermaclinic.audit.checking import START, Finding, Place, Stretch, check, follows
from dermaclinic.audit.content import (
    event_bytes,
    leaf,
    merkle_path,
    root_from_path,
    seal_bytes,
)
from dermaclinic.audit.keyring import event_keys, seal_keys
from dermaclinic.audit.models import Event

UNSEALED_LIMIT = timedelta(minutes=1)
STRETCH = 20_000  # events that one process checks at a time


@dataclass(frozen=True)
class Verdict:
    """The result: `finding` is None when all is well, `unsealed` events wait for the sealer.

    `anchored` counts the lines outside of the database that were compared, `unplaced` the events
    that stand in the default partition.
    """

    events: int
    seals: int
    unsealed: int
    finding: Finding | None
    anchored: int = 0
    unplaced: int = 0


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def verify(
    progress: Callable[[int], object] = lambda done: None, *, processes: int | None = None
) -> Verdict:
    """Check every seal and event, oldest seal first; stops at the first finding.

    Stretches of seals are checked by several processes (all cores by default); what they found is
    put together in order, so the first finding is the same however many they are. KeyMissing when
    a ring is not set.
    """
    events = seals = 0
    line: dict[uuid.UUID | None, Place] = {}
    bounds = _stretches()
    count = min(processes or cores(), len(bounds))
    with _checked(bounds, count) as stretches:
        for seen in stretches:
            finding = _joined(seen, line) or seen.finding
            events += seen.events
            seals += seen.seals
            if finding:
                return Verdict(events, seals, 0, finding)
            line |= seen.ends
            progress(seen.events)
    tail = _check_tail(Verdict(events, seals, 0, None))
    against = anchors.compare(line)
    return replace(tail, finding=against.finding or tail.finding, anchored=against.lines)


def _stretches() -> list[tuple[int, int]]:
    """Bounds of the seals' ids, so that each stretch has about STRETCH events."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT min(id), max(id) FROM (
                SELECT id, (sum(count::bigint) OVER (ORDER BY id) - 1) / %s AS part FROM audit_seal
            ) AS parted GROUP BY part ORDER BY min(id)
            """,
            [STRETCH],
        )
        found = [(int(first), int(last)) for first, last in cursor.fetchall()]
        # Members of a seal that is not there count as well.
        cursor.execute("SELECT min(seal_id), max(seal_id) FROM audit_sealedevent")
        low, high = cursor.fetchone()
    if low is None:
        return found
    if not found:
        return [(low, high)]
    firsts = [min(low, found[0][0]), *(first for first, _last in found[1:])]
    lasts = [*(first - 1 for first in firsts[1:]), max(high, found[-1][1])]
    return list(zip(firsts, lasts, strict=True))


@contextmanager
def _checked(bounds: list[tuple[int, int]], processes: int) -> Iterator[Iterator[Stretch]]:
    """The stretches as they are checked, in order: here, or by several processes."""
    rings = event_keys(), seal_keys()
    if processes <= 1:
        connection.ensure_connection()
        yield (check(connection.connection, *each, *rings) for each in bounds)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
    given = (connection.get_connection_params(), role, *rings)
    # A fresh interpreter for each: a fork would share this one's connection and its threads' locks.
    context = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(processes, context, pool.start, given)
    try:
        yield workers.map(pool.check_stretch, bounds)
    finally:
        workers.shutdown(wait=True, cancel_futures=True)


def _joined(seen: Stretch, line: dict[uuid.UUID | None, Place]) -> Finding | None:
    """The first seal of each clinic in a stretch against the last one of the stretches before."""
    opens = sorted(seen.opens.items(), key=lambda each: each[1].id)
    for clinic, seal in opens:
        if seen.finding and seal.id > seen.at_seal:
            break
        if finding := follows(seal, line.get(clinic, START)):
            return finding
    return None


TAIL = """
    SELECT count(*), min(event.id) FILTER (WHERE event.at < %s),
           min(event.id) FILTER (WHERE event.at > %s)
    FROM audit_event event LEFT JOIN audit_sealedevent sealed ON sealed.event_id = event.id
    WHERE sealed.event_id IS NULL
"""


def _check_tail(verdict: Verdict) -> Verdict:
    """Nothing may stay unsealed for too long, or say that it is still to come."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(TAIL, [now - UNSEALED_LIMIT, now + UNSEALED_LIMIT])
        unsealed, late, early = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM audit_event WHERE tableoid = 'audit_event_default'::regclass"
        )
        unplaced = cursor.fetchone()[0]
    finding = None
    if late or early:
        kind = "the event has not been sealed for more than a minute"
        event = Event.objects.filter(id=late or early)[0]
        finding = Finding(
            kind if late else "the event is dated in the future", event.clinic_id, None, event.id
        )
    return replace(verdict, unsealed=unsealed, finding=finding, unplaced=unplaced)


def prove(event: Event) -> bool:
    """Does the Merkle path of this event lead to the root that the sealer signed?"""
    seal = event.sealed.seal
    members = list(Event.objects.filter(sealed__seal=seal).order_by("sealed__position"))
    path = merkle_path([leaf(member, seal.form) for member in members], event.sealed.position)
    mac = bytes(event.mac)
    genuine = event_keys().verifies(event.key_id, event_bytes(event), mac)
    root = root_from_path(leaf(event, seal.form), path)
    signed = seal_keys().verifies(seal.key_id, seal_bytes(seal), bytes(seal.mac))
    return genuine and signed and root == bytes(seal.merkle_root)
