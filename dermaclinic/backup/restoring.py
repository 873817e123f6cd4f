"""The way back: an archive into an empty database and an empty vault.

The archive is read to its end before anything is written. The database is restored in one
transaction; the vault's files get their places when both are whole.
"""

import os
import shutil
from pathlib import Path
from typing import IO, Any

from dermaclinic.backup import archive, postgres
from dermaclinic.backup.postgres import BackupError
from dermaclinic.sealing.keyring import Keyring

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
# Events that were written while the dump ran bear transaction numbers of the old cluster, which
# the sealer of this one would wait for. They get this transaction's; their content stays.
RENUMBER = """
    BEGIN;
    SET LOCAL session_replication_role = replica;
    UPDATE audit_event SET xid = pg_current_xact_id() WHERE NOT EXISTS
        (SELECT FROM audit_sealedevent sealed WHERE sealed.event_id = audit_event.id);
    COMMIT;
"""


def restore(path: Path, *, url: str, vault: Path, keyring: Keyring) -> dict[str, Any]:
    """Bring back an archive; what it holds. `url` is a superuser's, of a database that is empty.

    Raises BackupError, VaultCorrupt or VaultKeyMissing; nothing has been written then.
    """
    env = postgres.environment(url)
    found = archive.verify(path, keyring)
    if postgres.query(env, TABLES) != ["0"]:
        raise BackupError("The database is not empty: a restore needs a new one.")
    if vault.exists() and {path.name for path in vault.iterdir()} - {"lost+found"}:
        raise BackupError(f"{vault} is not empty: a restore needs a new folder.")
    _roles(url)
    vault.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may be a volume of its own
    draft = vault / ".restoring"
    draft.mkdir(mode=0o700)
    try:
        with open(path, "rb") as source, postgres.restoring(env) as database:
            _unpack(source, keyring, database, draft)
        for each in draft.iterdir():
            each.rename(vault / each.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    postgres.query(env, RENUMBER)
    return found


def _roles(url: str) -> None:
    from dermaclinic import backends
    from dermaclinic.processes import ServerError

    try:
        backends.apply_roles(url)
    except ServerError as error:
        raise BackupError(str(error)) from error


def _unpack(source: IO[bytes], keyring: Keyring, database: IO[bytes], vault: Path) -> None:
    for name, data in archive.members(source, keyring):
        if name.parts[0] == archive.DATABASE:
            database.write(data)
        elif name.parts[0] == archive.VAULT:
            target = vault.joinpath(*name.parts[1:])
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
