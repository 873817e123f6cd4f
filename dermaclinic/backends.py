"""How one PostgreSQL and one Redis are made, started and checked."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dermaclinic import binaries
from dermaclinic.embedded import ROLES, Progress
from dermaclinic.places import Places
from dermaclinic.processes import Account, Child, ServerError

ROLES_SQL = Path(__file__).resolve().parent.parent / "ops" / "roles.sql"
READY_SECONDS = 60.0
RESTART_SECONDS = 15.0  # how long a lock of a killed predecessor may linger
# PostgreSQL logs a statement that fails with its values, people's names: only the error is kept.
DISCREET = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}


def postgres(places: Places, account: Account | None, durable: bool, progress: Progress) -> Child:
    """A PostgreSQL that is ready to start: its data directory is made when there is none."""
    programs = binaries.postgres(places, account)
    data = places.home / "postgresql"
    if not data.exists():
        progress("Making the database, once")
        _initdb(programs, data, account, durable)
    binaries.check_version(programs, data)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(places.sockets),
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **DISCREET,
    }
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}  # a killed server loses nothing yet
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Child(
        name="PostgreSQL",
        command=[str(programs / "postgres"), "-D", str(data), *options],
        directory=data,
        log=places.logs / "postgresql.log",
        environment=ENVIRONMENT,
        account=account,
        # fast shutdown, immediate shutdown, and what no server survives
        stopping=((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)),
    )


def redis(places: Places, account: Account | None) -> Child:
    """A Redis that is ready to start. It keeps nothing: PostgreSQL holds every fact."""
    program = binaries.redis(places, account)
    directory = places.home / "redis"
    directory.mkdir(mode=0o700, exist_ok=True)
    binaries.give(directory, account)
    options = {
        "port": "0",
        "unixsocket": str(places.sockets / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "appendonly": "no",
    }
    return Child(
        name="Redis",
        command=[str(program), *(part for k, v in options.items() for part in (f"--{k}", v))],
        directory=directory,
        log=places.logs / "redis.log",
        environment=ENVIRONMENT,
        account=account,
    )


def run_postgres(child: Child, places: Places) -> None:
    """Start it, wait until it answers, and see that roles, database and extensions are there."""
    from dermaclinic import leftovers

    leftovers.end(leftovers.working_in(child.directory, ["postgres"]), signal.SIGINT, 20)
    # Nothing of ours runs any more. A lock that names a zombie, or a stranger's recycled process
    # id, would still stop PostgreSQL; one that names a dead process it clears by itself.
    for lock in (child.directory / "postmaster.pid", places.sockets / ".s.PGSQL.5432.lock"):
        if _names_live_id(lock):
            lock.unlink(missing_ok=True)
    superuser = f"host={places.sockets} user=postgres connect_timeout=5"

    def ready() -> bool:
        import psycopg2

        try:
            psycopg2.connect(f"{superuser} dbname=postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    _start(child, ready)
    _make_database(superuser)


def run_redis(child: Child, places: Places) -> None:
    """Start it and wait until it answers."""
    from dermaclinic import leftovers

    names = [Path(child.command[0]).name, "valkey-server", "redis-server"]
    leftovers.end(leftovers.working_in(child.directory, names), signal.SIGTERM, 10)
    _start(child, lambda: _answers(f"unix://{places.sockets}/redis.sock"))


def check_redis(url: str) -> None:
    """ServerError unless a Redis answers at this URL."""
    if not _answers(url):
        raise ServerError("No Redis answers at REDIS_URL. Start it, or unset REDIS_URL.")


def check_roles(url: str) -> None:
    """ServerError unless the database of this URL answers and has the product's roles."""
    import psycopg2

    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as error:
        reason = str(error).strip()
        raise ServerError(f"DATABASE_URL is set, but does not answer: {reason}") from None
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'dermaclinic\\_%%'", ())
        found = {name for (name,) in cursor.fetchall()}
    connection.close()
    missing = [f"dermaclinic_{role}" for role in ROLES if f"dermaclinic_{role}" not in found]
    if missing:
        raise ServerError(
            f"The database in DATABASE_URL has no role {', '.join(missing)}. A superuser makes "
            "them: DATABASE_URL=postgresql://postgres@… python -m dermaclinic.embedded roles"
        )


def apply_roles(url: str) -> None:
    """Make roles and extensions in a database, as the superuser of the URL. Repeatable.

    DATABASE_PASSWORD_OWNER, _WEB, _WORKER, _SEALER and _BACKUP, where set, become the roles'
    passwords.
    """
    import psycopg2
    from psycopg2 import sql

    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as error:
        raise ServerError(f"DATABASE_URL does not answer: {str(error).strip()}") from None
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(ROLES_SQL.read_text())
            for role in (*ROLES, "backup"):
                if password := os.environ.get(f"DATABASE_PASSWORD_{role.upper()}"):
                    name = sql.Identifier(f"dermaclinic_{role}")
                    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                    cursor.execute(statement.format(name, sql.Literal(password)))
    except psycopg2.errors.InsufficientPrivilege as error:
        raise ServerError(f"Roles need a superuser: {str(error).strip()}") from None
    finally:
        connection.close()


def _make_database(superuser: str) -> None:
    import psycopg2

    apply_roles(f"{superuser} dbname=template1")
    connection = psycopg2.connect(f"{superuser} dbname=postgres")
    try:
        connection.autocommit = True  # CREATE DATABASE allows no transaction around it
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = 'dermaclinic'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE dermaclinic OWNER dermaclinic_owner")
    finally:
        connection.close()
    apply_roles(f"{superuser} dbname=dermaclinic")


def _start(child: Child, ready: Callable[[], bool]) -> None:
    """Start a server and wait until it answers. One that ends at once is tried again for a while:
    after a kill -9 the remains of its predecessor take seconds to vanish."""
    began = time.monotonic()
    child.start()
    while not ready():
        waited = time.monotonic() - began
        if not child.alive():
            if waited > RESTART_SECONDS:
                raise ServerError(
                    f"{child.name} does not start. {child.log} ends with:\n{child.last_words()}"
                )
            time.sleep(0.5)
            child.start()
        elif waited > READY_SECONDS:
            child.stop()
            raise ServerError(f"{child.name} started, but did not answer in {READY_SECONDS:.0f} s.")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    from redis import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def _names_live_id(lock: Path) -> bool:
    try:
        number = int(lock.read_text().split()[0])
        os.kill(abs(number), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _initdb(programs: Path, data: Path, account: Account | None, durable: bool) -> None:
    """Make a data directory; one that was cut off half-made is never taken for a whole one."""
    draft = data.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    if not durable:
        options.append("--no-sync")
    if binaries.major_version(programs) >= 17:
        options.append("--locale-provider=builtin")  # sorts alike on every machine, for ever
    done = subprocess.run(
        [str(programs / "initdb"), "-D", str(draft), "--data-checksums", *options],
        cwd=data.parent,
        env=ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServerError(f"PostgreSQL could not make its database:\n{done.stderr.strip()}")
    draft.rename(data)
