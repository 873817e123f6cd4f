"""A private PostgreSQL and Redis on unix sockets, for the demo, for tests and for development.

Their data live in a state directory and are used again at the next start. DATABASE_URL and
REDIS_URL win when set: then that server is the caller's, and none is started here. Nothing ever
attaches to a server that happens to listen on 5432 or 6379.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args
from urllib.parse import urlsplit

from dermaclinic import keys
from dermaclinic.places import Places, server_account
from dermaclinic.processes import Child, ServerError

PROJECT = Path(__file__).resolve().parent.parent
Role = Literal["owner", "web", "worker", "sealer"]
ROLES: tuple[Role, ...] = get_args(Role)
Progress = Callable[[str], None]


def state_dir() -> Path:
    """DERMACLINIC_STATE, or `.state` in the project: servers' data, keys, vault and logs."""
    return Path(os.environ.get("DERMACLINIC_STATE") or PROJECT / ".state").resolve()


def database_url(state: Path | None = None) -> str:
    """Where the private PostgreSQL of this state directory is reached, running or not."""
    return Places.of(state or state_dir()).database_url


def redis_url(state: Path | None = None) -> str:
    """Where the private Redis of this state directory is reached, running or not."""
    return Places.of(state or state_dir()).redis_url


def celery_url(url: str) -> str:
    """A Redis URL as Celery takes it: `unix:///a.sock?db=0` is `redis+socket:///a.sock?…` there."""
    if not url.startswith("unix://"):
        return url
    return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


def development_key(name: str = "SECRET_KEY") -> str:
    """A secret of this machine, made once; a clinic's server gets its own from its environment."""
    return keys.read(state_dir())[name]


@dataclass
class Servers:
    """Running servers. `postgres` and `redis` are None where a URL from outside is used instead."""

    state: Path
    database_url: str
    redis_url: str
    postgres: Child | None = None
    redis: Child | None = None
    lock: IO[str] | None = None

    @property
    def broker_url(self) -> str:
        """`redis_url` as Celery takes it."""
        return celery_url(self.redis_url)

    def revive(self, *, progress: Progress = print) -> None:
        """Start again what has ended of its own accord, or by somebody's kill -9."""
        from dermaclinic import backends

        places = Places.of(self.state)
        if self.redis is not None and not self.redis.alive():
            progress(f"Redis ended; starting it again. Its log: {self.redis.log}")
            backends.run_redis(self.redis, places)
        if self.postgres is not None and not self.postgres.alive():
            progress(f"PostgreSQL ended; starting it again. Its log: {self.postgres.log}")
            backends.run_postgres(self.postgres, places)

    def stop(self) -> None:
        """Stop what was started here, Redis first; the data stay. Harmless when repeated."""
        try:
            for child in (self.redis, self.postgres):
                if child is not None:
                    child.stop()
        finally:
            if self.lock is not None:
                self.lock.close()
                self.lock = None


def environment(servers: Servers, role: Role) -> dict[str, str]:
    """What a process that plays this role needs to find the servers.

    Settings connect as `dermaclinic_<role>`, whoever the URL names.
    """
    return {
        "DATABASE_URL": servers.database_url,
        "DATABASE_ROLE": role,
        "REDIS_URL": servers.redis_url,
        "DERMACLINIC_STATE": str(servers.state),
    }


def start(
    state: Path | None = None, *, progress: Progress = print, durable: bool = True
) -> Servers:
    """Start both servers, or check those that DATABASE_URL and REDIS_URL name.

    Call it from the main thread. `durable=False` leaves out fsync: for tests, whose data may go.
    Raises ServerError with a sentence for the user; nothing started stays running then.
    """
    from dermaclinic import backends

    state = (state or state_dir()).resolve()
    state.mkdir(parents=True, exist_ok=True)
    places = Places.of(state)
    outer_database, outer_redis = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    servers = Servers(
        state=state,
        database_url=outer_database or places.database_url,
        redis_url=outer_redis or places.redis_url,
        lock=_lock(state),
    )
    try:
        if not (outer_database and outer_redis):
            account = server_account()
            places.prepare(state, account)
            if not outer_redis:
                progress("Starting Redis")
                servers.redis = backends.redis(places, account)
                backends.run_redis(servers.redis, places)
            if not outer_database:
                progress("Starting PostgreSQL")
                servers.postgres = backends.postgres(places, account, durable, progress)
                backends.run_postgres(servers.postgres, places)
        if outer_database:
            backends.check_roles(outer_database)
        if outer_redis:
            backends.check_redis(outer_redis)
    except BaseException:
        servers.stop()
        raise
    return servers


@contextmanager
def temporary(*, progress: Progress = lambda _: None) -> Iterator[Servers]:
    """Servers for one test run, in a directory of their own that is deleted afterwards.

    Several may run at once. Directories that killed runs left behind are deleted first.
    """
    parent, prefix = Path(tempfile.gettempdir()), f"dermaclinic-test-{os.geteuid()}-"
    for old in parent.glob(f"{prefix}*"):
        try:
            found = old.lstat()
        except FileNotFoundError:
            continue  # another run has just cleaned up
        if found.st_uid == os.geteuid() and time.time() - found.st_mtime > 60:
            try:
                _lock(old).close()
            except ServerError:
                continue  # in use
            shutil.rmtree(old, ignore_errors=True)
    state = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        servers = start(state, progress=progress, durable=False)
        try:
            yield servers
        finally:
            servers.stop()
    finally:
        wipe(state)


def wipe(state: Path) -> None:
    """Delete a state directory whose servers are stopped. ServerError when they are not."""
    state = state.resolve()
    if state.exists():
        _lock(state).close()
    places = Places.of(state)
    for directory in (places.sockets, places.home, state):
        shutil.rmtree(directory, ignore_errors=True)


def _lock(state: Path) -> IO[str]:
    """Hold the state directory until the returned file is closed or this process ends."""
    handle = open(state / "lock", "a+")  # noqa: SIM115 - held open on purpose
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        owner = handle.read().strip()
        handle.close()
        raise ServerError(
            f"dermaclinic is already running from {state} (process {owner or 'unknown'}). "
            "Stop that one first, or set DERMACLINIC_STATE to another directory."
        ) from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def main(arguments: list[str]) -> int:
    """`roles`: prepare DATABASE_URL (a superuser's). `run ROLE COMMAND…`: run it with servers."""
    from dermaclinic import backends

    match arguments:
        case ["roles"] if url := os.environ.get("DATABASE_URL"):
            backends.apply_roles(url)
            print(f"Roles and extensions are in place in {urlsplit(url).path.lstrip('/')}.")
            return 0
        case ["run", "owner" | "web" | "worker" | "sealer" as role, *command] if command:
            with temporary() as servers:
                given = {**os.environ, **environment(servers, role)}
                return subprocess.run(command, env=given, check=False).returncode
        case _:
            print(
                "usage: DATABASE_URL=… python -m dermaclinic.embedded roles\n"
                "       python -m dermaclinic.embedded run owner|web|worker|sealer COMMAND…",
                file=sys.stderr,
            )
            return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ServerError as error:
        sys.exit(str(error))
