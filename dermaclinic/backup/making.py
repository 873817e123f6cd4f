"""Making a backup: the audit sealed, then the database, then the vault, into one sealed file.

The vault comes after the dump: what the dump refers to was stored before it, and objects that
nobody refers to are kept for a day.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dermaclinic.backup import archive, postgres
from dermaclinic.backup.postgres import BackupError
from dermaclinic.sealing import envelope, slots
from dermaclinic.sealing.keyring import Keyring

UNSEALED = """
    SELECT count(*) FROM audit_event event
    WHERE event.at < '{moment}' AND NOT EXISTS
        (SELECT FROM audit_sealedevent sealed WHERE sealed.event_id = event.id)
"""
WAIT = 30.0  # seconds for the sealer, which seals once a second
_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|keys/[A-Za-z0-9._-]+")


def make(target: Path, *, env: dict[str, str], vault: Path, keyring: Keyring) -> dict[str, Any]:
    """Write the archive and read it back; what it holds. `env` is libpq's, of the role backup.

    The file appears under its name when it is whole. BackupError when the audit is not sealed.
    """
    wait_for_seals(env)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    (version,) = postgres.query(env, "SHOW server_version")
    draft = target.with_name(f".{target.name}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(handle, "wb") as out:
            facts = {"made_at": made_at, "postgresql": version, "keys": list(keyring.keys)}
            into = archive.Output(out, keyring, facts)
            with postgres.dump(env) as dump:
                into.add_database(dump)
            for name, data in _objects(vault):
                into.add_object(name, data)
            into.finish()
            out.flush()
            os.fsync(out.fileno())
        found = archive.verify(draft, keyring)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return found


def wait_for_seals(env: dict[str, str]) -> None:
    """Return when every event until now is sealed: only those can be verified after a restore."""
    (moment,) = postgres.query(env, "SELECT clock_timestamp()")
    deadline = time.monotonic() + WAIT
    while (left := postgres.query(env, UNSEALED.format(moment=moment))) != ["0"]:
        if time.monotonic() > deadline:
            raise BackupError(
                f"{left[0]} events of the audit are not sealed. Start the sealer, or run "
                "manage.py seal_audit --all, and begin anew."
            )
        threading.Event().wait(0.5)


def _objects(vault: Path) -> Iterator[tuple[str, bytes]]:
    for folder in ("??/??", "keys"):
        for path in sorted(vault.glob(f"{folder}/*")):
            name = path.relative_to(vault).as_posix()
            if _OBJECT.fullmatch(name) and (data := _whole(path)) is not None:
                yield name, data


def _whole(path: Path) -> bytes | None:
    """The file's bytes; None where it was deleted meanwhile. Looks again while it is rewrapped."""
    data = b""
    for _look in range(3):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if data.startswith(envelope.MAGIC) or slots.read(data[: slots.HEADER]):
            break
    return data
