"""Once a day the head of each clinic's line of seals is written outside of the database.

Whoever may change everything in the database can cut off its newest seals, or restore an old
backup, and nothing inside it would tell. A line of the anchor has the head's number and signature
and continues the line before it; the sealer signs it. The database remembers each line's signature,
so that the anchor cannot lose its own end either.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from dermaclinic.audit.anchor_stores import AnchorStore, store
from dermaclinic.audit.checking import Finding, Place
from dermaclinic.audit.content import GENESIS, canonical
from dermaclinic.audit.keyring import Keyring, seal_keys
from dermaclinic.audit.models import Anchor

FORM = 1
HEADS = """
    SELECT DISTINCT ON (clinic_id) clinic_id, number, mac FROM audit_seal
    ORDER BY clinic_id, number DESC
"""
ANCHORED = """
    SELECT said.line, seal.mac FROM jsonb_to_recordset(%s::jsonb)
        AS said (line bigint, clinic uuid, seal bigint)
    LEFT JOIN audit_seal seal ON seal.number = said.seal
        AND seal.clinic_id IS NOT DISTINCT FROM said.clinic
    ORDER BY said.line
"""


class Line(NamedTuple):
    """A line of the anchor: a clinic's newest seal at a time. `clinic` is None before sign-in."""

    number: int
    at: str
    clinic: str | None
    seal: int
    seal_mac: str
    previous: str
    key: str
    mac: str

    def content(self) -> bytes:
        """What the line's signature covers."""
        return canonical({"form": FORM, **self._asdict()} | {"mac": ""})

    def text(self) -> bytes:
        """The line as it is kept."""
        return canonical({"form": FORM, **self._asdict()})


@dataclass(frozen=True)
class Comparison:
    """How many lines were compared with the database, and the first that does not fit."""

    lines: int
    finding: Finding | None


def due(now: datetime | None = None) -> bool:
    """Has nothing been anchored today (UTC) although something is sealed?"""
    from dermaclinic.audit.models import Seal

    last = Anchor.objects.order_by("-number").first()
    today = (now or timezone.now()).astimezone(UTC).date()
    return (last is None or last.written_at.astimezone(UTC).date() < today) and (
        Seal.objects.exists()
    )


def write(kept: AnchorStore) -> int:
    """Anchor every clinic's newest seal; the number of lines. OSError when the store takes none.

    Only the process that holds the sealer's lock calls it. The store is written first: a crash
    before the commit leaves lines that the database does not know, which harm nothing.
    """
    ring = seal_keys()
    with transaction.atomic(), connection.cursor() as cursor:
        number, previous = _head(kept.lines())
        cursor.execute(HEADS)
        now = timezone.now()
        made = []
        for clinic, seal, mac in cursor.fetchall():
            number += 1
            line = Line(
                number, now.astimezone(UTC).isoformat(), str(clinic) if clinic else None,
                seal, bytes(mac).hex(), previous, ring.current, "",
            )  # fmt: skip
            line = line._replace(mac=ring.sign(line.content()).hex())
            made.append(line)
            previous = line.mac
        if made:
            kept.append([line.text() for line in made])
        Anchor.objects.bulk_create(
            Anchor(number=each.number, written_at=now, mac=bytes.fromhex(each.mac)) for each in made
        )
    return len(made)


def _head(lines: list[bytes]) -> tuple[int, str]:
    """Where the next line continues: the last one kept or, if that is gone, the last one known."""
    last = Anchor.objects.order_by("-number").first()
    number, previous = (last.number, bytes(last.mac).hex()) if last else (0, GENESIS.hex())
    for text in reversed(lines):
        if line := _read(text):
            return (line.number, line.mac) if line.number > number else (number, previous)
    return number, previous


def _read(text: bytes) -> Line | None:
    try:
        found: dict[str, Any] = json.loads(text)
        if found.pop("form") != FORM:
            return None
        line = Line(**found)
        uuid.UUID(line.clinic or "0" * 32)
        bytes.fromhex(line.mac)
        return line if canonical(json.loads(text)) == text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def compare(heads: Mapping[uuid.UUID | None, Place]) -> Comparison:
    """Each line kept against its signature, the one before it, the database's memory, the seals.

    `heads` is where each clinic's line of seals ends in the database. Nothing to compare with:
    zero lines.
    """
    kept = store()
    if kept is None:
        return Comparison(0, None)
    texts = kept.lines()
    lines: list[Line] = []
    remembered = {each.number: bytes(each.mac).hex() for each in Anchor.objects.all()}
    ring = seal_keys()
    for place, text in enumerate(texts, start=1):
        line = _read(text)
        kind = _line_trouble(line, lines, remembered, ring)
        if line is None or kind:
            number = line.number if line else (lines[-1].number + 1 if lines else place)
            return Comparison(len(lines), Finding(kind, None, None, None, anchor=number))
        lines.append(line)
    if missing := sorted(set(remembered) - {line.number for line in lines}):
        kind = "the line was removed from the anchor"
        return Comparison(len(lines), Finding(kind, None, None, None, anchor=missing[0]))
    return Comparison(len(lines), _against_seals(lines, heads))


def _line_trouble(
    line: Line | None, before: list[Line], remembered: Mapping[int, str], ring: Keyring
) -> str:
    if line is None:
        return "the anchor's line cannot be read"
    if not ring.verifies(line.key, line._replace(mac="").content(), bytes.fromhex(line.mac)):
        return "the anchor's line was changed"
    number, mac = (before[-1].number, before[-1].mac) if before else (0, GENESIS.hex())
    if line.number != number + 1 or line.previous != mac:
        return "the anchor's line does not continue the one before it"
    if remembered.get(line.number, line.mac) != line.mac:
        return "the anchor's line is not the one that was written"
    return ""


def _against_seals(lines: list[Line], heads: Mapping[uuid.UUID | None, Place]) -> Finding | None:
    said = [{"line": each.number, "clinic": each.clinic, "seal": each.seal} for each in lines]
    with connection.cursor() as cursor:
        cursor.execute(ANCHORED, [json.dumps(said)])
        found = dict(cursor.fetchall())
    for line in lines:
        clinic = uuid.UUID(line.clinic) if line.clinic else None
        mac = found[line.number]
        if mac is None:
            end = heads[clinic].number if clinic in heads else 0
            kind = (
                f"the seal is missing, but number {line.seal} was anchored on {line.at[:10]}: "
                "the end was cut off, or an old backup restored"
            )
            return Finding(kind, clinic, end + 1, None, anchor=line.number)
        if bytes(mac).hex() != line.seal_mac:
            kind = f"the seal is not the one that was anchored on {line.at[:10]}"
            return Finding(kind, clinic, line.seal, None, anchor=line.number)
    return None
