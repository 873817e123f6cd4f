"""How fast `verify_audit` is: `python -m bench.audit`, a million events in a private database.

The events are signed, sealed and copied in as the product would have left them; then the command
runs as the sealer does, with one process and with one on each core.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2

from dermaclinic import embedded, keys
from dermaclinic.audit.checking import SealRow
from dermaclinic.audit.content import FORM, GENESIS, event_content, leaf_of, merkle_root, seal_bytes
from dermaclinic.audit.keyring import Keyring, parse

EVENTS = 1_000_000
SEALED_TOGETHER = 50
CLINICS = 2
EVENT_COLUMNS = (
    "id, uid, xid, at, clinic_id, role, action, object_type, object_id, patient_id, outcome, "
    "purpose, request_id, address, detail, key_id, mac"
)
SEAL_COLUMNS = (
    "id, clinic_id, number, sealed_at, first_event, last_event, count, horizon, merkle_root, "
    "previous_mac, form, key_id, mac"
)


class Trail:
    """Makes sealed events, one seal's worth at a time."""

    def __init__(self, events: Keyring, seals: Keyring, clinics: list[str]) -> None:
        self.events, self.seals, self.clinics = events, seals, clinics
        self.start = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0)
        self.last: dict[str, tuple[int, bytes]] = dict.fromkeys(clinics, (0, GENESIS))

    def rows(self, seal: int, count: int) -> Iterator[tuple[str, list[Any]]]:
        """The rows of a seal: (table, its columns)."""
        clinic = self.clinics[seal % len(self.clinics)]
        leaves = []
        first = (seal - 1) * SEALED_TOGETHER + 1
        for number in range(first, first + count):
            row, mac = self._event(number, clinic)
            yield "audit_event", row
            leaves.append(leaf_of(FORM, number, number, mac))
            place = [number, seal, number - first, _hex(leaves[-1])]
            yield "audit_sealedevent", place
        before, previous = self.last[clinic]
        made = SealRow(
            seal, uuid.UUID(clinic), before + 1, self.start, first, first + count - 1, count,
            first + count, merkle_root(leaves), previous, FORM, self.seals.current, b"",
        )  # fmt: skip
        mac = self.seals.sign(seal_bytes(made))
        self.last[clinic] = (made.number, mac)
        yield (
            "audit_seal",
            [
                seal, clinic, made.number, made.sealed_at.isoformat(), first, made.last_event,
                count, made.horizon, _hex(made.merkle_root), _hex(previous), FORM, made.key_id,
                _hex(mac),
            ],
        )  # fmt: skip

    def _event(self, number: int, clinic: str) -> tuple[list[Any], bytes]:
        at = (self.start + timedelta(seconds=8 * number)).isoformat()
        uid, patient = str(uuid.UUID(int=number << 64)), str(uuid.UUID(int=number % 5000))
        detail = {"rendition": "image", "shown": [patient], "position": number % 7}
        told = ("doctor", "image.viewed", "imaging.instance", uid, patient, "success", "TREAT")
        request, address = f"{number:032x}", "192.0.2.1"
        content = event_content(uid, at, clinic, None, *told, request, address, detail=detail)
        mac = self.events.sign(content)
        row = [number, uid, number, at, clinic, *told, request, address, json.dumps(detail)]
        return [*row, self.events.current, _hex(mac)], mac


def _hex(value: bytes) -> str:
    return "\\\\x" + value.hex()  # as COPY reads a bytea


def fill(url: str, trail: Trail, events: int) -> None:
    """Copy the trail in, triggers off: it is the past."""
    columns = {
        "audit_event": EVENT_COLUMNS,
        "audit_seal": SEAL_COLUMNS,
        "audit_sealedevent": "event_id, seal_id, position, leaf",
    }
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for table in columns:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.executemany(
            "INSERT INTO accounts_clinic SELECT * FROM jsonb_populate_record("
            "NULL::accounts_clinic, %s)",
            [
                (json.dumps({"id": each, "name": each, "synthetic": True, "created_at": "now"}),)
                for each in trail.clinics
            ],
        )
        seals = -(-events // SEALED_TOGETHER)
        for begin in range(1, seals + 1, 1000):
            text = {table: io.StringIO() for table in columns}
            for seal in range(begin, min(begin + 1000, seals + 1)):
                count = min(SEALED_TOGETHER, events - (seal - 1) * SEALED_TOGETHER)
                for table, row in trail.rows(seal, count):
                    text[table].write("\t".join(map(str, row)) + "\n")
            for table in ("audit_event", "audit_seal", "audit_sealedevent"):
                text[table].seek(0)
                cursor.copy_expert(f"COPY {table} ({columns[table]}) FROM STDIN", text[table])
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for table in columns:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")


def _used(postmaster: int) -> tuple[float, float]:
    """Processor seconds of the commands that have ended, and of PostgreSQL's sessions likewise."""
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[13]) + int(fields[14])  # cutime and cstime, proc(5)
    return ours.ru_utime + ours.ru_stime, ticks / os.sysconf("SC_CLK_TCK")


def measure(environment: dict[str, str], postmaster: int, processes: int) -> tuple[float, ...]:
    """Seconds that the command took; processor seconds of its own and of PostgreSQL for it."""
    before = _used(postmaster)
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "manage.py", "verify_audit", "--processes", str(processes)],
        env=environment, cwd=embedded.PROJECT, check=True,
    )  # fmt: skip
    seconds = time.monotonic() - began
    own, theirs = (b - a for a, b in zip(before, _used(postmaster), strict=True))
    return seconds, own, theirs


def main() -> int:
    """Make, measure, print; 0 when the command found nothing wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    events = parser.parse_args().events
    with embedded.temporary() as servers:
        secrets = keys.read(servers.state)
        common = {**os.environ, "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development"}
        common |= embedded.environment(servers, "owner")
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
            env=common, cwd=embedded.PROJECT, check=True,
        )  # fmt: skip
        sealer = common | embedded.environment(servers, "sealer")
        assert servers.postgres is not None, "DATABASE_URL is set: the bench wants its own"
        postmaster = servers.postgres.pid
        empty = measure(sealer, postmaster, 1)
        event_key, seal_key = (parse(x, secrets[x]) for x in ("AUDIT_EVENT_KEY", "AUDIT_SEAL_KEY"))
        trail = Trail(event_key, seal_key, [str(uuid.uuid4()) for _ in range(CLINICS)])
        print(f"Making {events} events", flush=True)
        fill(servers.database_url, trail, events)
        cores = len(os.sched_getaffinity(0))
        print(f"start of the command   {empty[0]:6.1f} s, taken off below")
        for processes in dict.fromkeys((1, cores)):
            found = measure(sealer, postmaster, processes)
            seconds, own, theirs = (a - b for a, b in zip(found, empty, strict=True))
            print(
                f"{processes} process(es)  {seconds:6.1f} s, {events / seconds:7.0f} events/s\n"
                f"  processor     {own:6.1f} s of the command, {theirs:.1f} s of PostgreSQL\n"
                f"  on one core   {events / (own + theirs):6.0f} events/s (aim: 16667)",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
