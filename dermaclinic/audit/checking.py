"""Checks a stretch of seals with their events. Needs a psycopg2 connection and keys, no Django:
several processes do it side by side.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from hmac import compare_digest
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from dermaclinic.audit.content import (
    FIRST_FORM,
    GENESIS,
    event_content,
    leaf_of,
    merkle_root,
    seal_bytes,
)
from dermaclinic.audit.keyring import Keyring


@dataclass(frozen=True)
class Finding:
    """What is wrong and where.

    `seal` is the number in the clinic's line, `event` the event's, `anchor` that of the line
    outside of the database which tells.
    """

    kind: str
    clinic: uuid.UUID | None
    seal: int | None
    event: int | None
    anchor: int | None = None

    def __str__(self) -> str:
        if self.seal is None and self.event is None:
            return f"line {self.anchor} of the anchor: {self.kind}"
        where = f"event {self.event}" if self.event else f"seal {self.seal}"
        return f"{where} of clinic {self.clinic or '-'}: {self.kind}"


@dataclass(frozen=True)
class SealRow:
    """A seal as it stands in the table."""

    id: int
    clinic_id: uuid.UUID | None
    number: int
    sealed_at: Any
    first_event: int
    last_event: int
    count: int
    horizon: int
    merkle_root: bytes
    previous_mac: bytes
    form: int
    key_id: str
    mac: bytes


class Place(NamedTuple):
    """Where a clinic's line of seals stands."""

    number: int
    mac: bytes


START = Place(0, GENESIS)


@dataclass
class Stretch:
    """What a stretch of seals showed.

    `opens` has each clinic's first seal in it, to be put to the end of the stretch before; `ends`
    where each clinic's line stands afterwards. `finding` is the first thing wrong, if any.
    """

    events: int = 0
    seals: int = 0
    opens: dict[uuid.UUID | None, SealRow] = field(default_factory=dict)
    ends: dict[uuid.UUID | None, Place] = field(default_factory=dict)
    finding: Finding | None = None
    at_seal: int = 0


FEW = 512  # events of a seal among which every one is tried

SEALS = """
    SELECT id, clinic_id::text, number, sealed_at AT TIME ZONE 'UTC', first_event, last_event,
           count, horizon::text::bigint, merkle_root, previous_mac, form, key_id, mac
    FROM audit_seal WHERE id BETWEEN %s AND %s ORDER BY id
"""
RANGE = "SELECT min(event_id), max(event_id) FROM audit_sealedevent WHERE seal_id BETWEEN %s AND %s"
# The bounds on the event's number let PostgreSQL walk its index instead of probing each month.
MEMBERS = """
    SELECT sealed.seal_id, sealed.position, sealed.event_id, sealed.leaf,
           event.id, event.xid::text::bigint, event.clinic_id::text, event.key_id, event.mac,
           event.uid::text, to_char(event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
           event.actor_id::text, event.role, event.action, event.object_type, event.object_id,
           event.patient_id::text, event.outcome, event.purpose, event.request_id,
           host(event.address), event.detail::text
    FROM audit_sealedevent sealed
    LEFT JOIN (SELECT * FROM audit_event WHERE id BETWEEN %s AND %s) event
           ON event.id = sealed.event_id
    WHERE sealed.seal_id BETWEEN %s AND %s
    ORDER BY sealed.seal_id, sealed.position, event.at
"""


def check(connection: Any, first: int, last: int, events: Keyring, seals: Keyring) -> Stretch:
    """Check the seals whose rows have ids from `first` to `last`, up to the first finding."""
    seen = Stretch()
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '64MB'")  # a stretch is sorted in memory
        cursor.execute(SEALS, [first, last])
        rows = [_seal(row) for row in cursor.fetchall()]
        cursor.execute(RANGE, [first, last])
        low, high = cursor.fetchone()
        cursor.execute(MEMBERS, [low or 0, high or 0, first, last])
        groups = _groups(cursor)
        waiting = next(groups, None)
        for seal in rows:
            if waiting is not None and waiting[0] < seal.id:
                break
            members: list[tuple[Any, ...]] = []
            if waiting is not None and waiting[0] == seal.id:
                members = waiting[1]
                waiting = next(groups, None)
            seen.finding = _seal_finding(seal, seen, seals) or _members(seal, members, events)
            if seen.finding:
                seen.at_seal = seal.id
                return seen
            seen.ends[seal.clinic_id] = Place(seal.number, seal.mac)
            seen.events += seal.count
            seen.seals += 1
    if waiting is not None:
        row = waiting[1][0]
        seen.at_seal = waiting[0]
        seen.finding = Finding("the event's seal was removed", _uuid(row[6]), None, row[2])
    return seen


def _groups(cursor: Any) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    for seal_id, group in groupby(cursor, key=itemgetter(0)):
        yield seal_id, list(group)


def _uuid(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _seal(row: tuple[Any, ...]) -> SealRow:
    seal = SealRow(*row)
    return replace(
        seal,
        clinic_id=_uuid(row[1]),
        sealed_at=seal.sealed_at.replace(tzinfo=UTC),
        merkle_root=bytes(seal.merkle_root),
        previous_mac=bytes(seal.previous_mac),
        mac=bytes(seal.mac),
    )


def _seal_finding(seal: SealRow, seen: Stretch, ring: Keyring) -> Finding | None:
    """The seal's own signature, and its place after the one before, if that is in the stretch."""
    if not ring.verifies(seal.key_id, seal_bytes(seal), seal.mac):
        kind = "the seal was changed"
        if seal.key_id not in ring.keys:
            kind += f", or AUDIT_SEAL_KEY lacks the key {seal.key_id!r}"
        return Finding(kind, seal.clinic_id, seal.number, None)
    if seal.clinic_id in seen.ends:
        return follows(seal, seen.ends[seal.clinic_id])
    seen.opens[seal.clinic_id] = seal
    return None


def follows(seal: SealRow, previous: Place) -> Finding | None:
    """Does the seal continue its clinic's line?"""
    if seal.number != previous.number + 1:
        kind = "the seal before it was removed"
    elif not compare_digest(seal.previous_mac, previous.mac):
        kind = "it does not continue the seal before it"
    else:
        return None
    return Finding(kind, seal.clinic_id, seal.number, None)


def _members(seal: SealRow, rows: list[tuple[Any, ...]], ring: Keyring) -> Finding | None:
    """Each event against its signature and its leaf, then their number, order and root."""
    leaves = []
    clinic = str(seal.clinic_id) if seal.clinic_id else None
    keys, form = ring.keys, seal.form
    for row in rows:
        number = row[4]
        if number is None:
            return Finding("the event was removed", seal.clinic_id, seal.number, row[2])
        mac = bytes(row[8])
        own = leaf_of(form, number, row[5], mac)
        if (
            row[6] != clinic
            or row[7] not in keys
            or not ring.verifies(row[7], _content(row), mac)
            or (row[3] is not None and bytes(row[3]) != own)
        ):
            kind = "the event was changed"
            if row[7] not in keys:
                kind += f", or AUDIT_EVENT_KEY lacks the key {row[7]!r}"
            return Finding(kind, seal.clinic_id, seal.number, number)
        if row[3] is None and form != FIRST_FORM:
            return Finding("an event was added", seal.clinic_id, seal.number, number)
        leaves.append(own)
    if len(rows) == seal.count and merkle_root(leaves) == seal.merkle_root:
        return None
    kind, event = _difference(seal, rows, leaves)
    return Finding(kind, seal.clinic_id, seal.number, event)


def _content(row: tuple[Any, ...]) -> bytes:
    """An event's signed content, from the columns of MEMBERS."""
    at = row[10].removesuffix(".000000") + "+00:00"
    detail = {} if row[21] == "{}" else json.loads(row[21])
    told: Any = (row[9], at, row[6], *row[11:21], detail)
    return event_content(*told)


def _difference(
    seal: SealRow, rows: list[tuple[Any, ...]], leaves: list[bytes]
) -> tuple[str, int | None]:
    """What differs although each event by itself is genuine: one gone, one more, or their order."""
    if len(rows) > seal.count:
        return "an event was added", rows[_added(seal, rows, leaves)][4]
    if len(rows) < seal.count:
        return _removed(seal, rows)
    beyond = next((row[4] for row in rows if row[1] >= seal.count), None)
    if beyond is not None:
        return "events were reordered: this one stands too late", beyond
    early, _late = _out_of_order(rows)
    if early is not None:
        return "events were reordered: this one stands too early", rows[early][4]
    return "one of its events was exchanged for another", None


def _out_of_order(rows: list[tuple[Any, ...]]) -> tuple[int | None, int | None]:
    """The first place that breaks the sealer's order (transaction, number), and what it passes."""
    least: tuple[tuple[int, int], int] | None = None
    early = late = None
    for place in range(len(rows) - 1, -1, -1):
        key = (rows[place][5], rows[place][4])
        if least is not None and key > least[0]:
            early, late = place, least[1]
        if least is None or key < least[0]:
            least = (key, place)
    return early, late


def _added(seal: SealRow, rows: list[tuple[Any, ...]], leaves: list[bytes]) -> int:
    """The place of the event without which the root is right; without such a one, the likeliest."""
    likely = [place for place in _out_of_order(rows) if place is not None]
    likely += [place for place, row in enumerate(rows) if row[1] >= seal.count][:1]
    likely.append(len(rows) - 1)
    if len(rows) == seal.count + 1:
        others = range(len(rows)) if len(rows) <= FEW else ()
        for place in (*likely, *others):
            if merkle_root(leaves[:place] + leaves[place + 1 :]) == seal.merkle_root:
                return place
    return likely[0]


def _removed(seal: SealRow, rows: list[tuple[Any, ...]]) -> tuple[str, int | None]:
    """Which event is gone, together with its place in the seal."""
    present = {row[4] for row in rows}
    for end in (seal.first_event, seal.last_event):
        if end not in present:
            return "the event was removed", end
    for place, row in enumerate(rows):
        if row[1] != place:
            return "the event after this one was removed", rows[place - 1][4]
    return "one of its events was removed", None
