"""The private servers: data survive every way to die, and nobody else's server is ever touched."""

import base64
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from redis import Redis

from dermaclinic import backends, binaries, embedded, keys, leftovers, places
from dermaclinic.processes import Child, ServerError

pytestmark = pytest.mark.faults

STARTED: list[embedded.Servers] = []
SUPERVISOR = """
import signal, sys
from pathlib import Path
from dermaclinic import embedded, processes
if sys.argv[2] == "orphans":
    processes._dying_with_parent = lambda signum: None
servers = embedded.start(Path(sys.argv[1]), progress=lambda text: None)
print(servers.postgres.pid, servers.redis.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of its own, outside the suite's servers."""
    for name in ("DATABASE_URL", "REDIS_URL", "PGBIN", "REDIS_SERVER"):
        monkeypatch.delenv(name, raising=False)
    directory = Path(tempfile.mkdtemp(prefix="dermaclinic-own-"))
    yield directory
    while STARTED:
        STARTED.pop().stop()
    embedded.wipe(directory)


def quiet(text: str) -> None:
    """Progress that nobody reads."""


def start(state: Path) -> embedded.Servers:
    servers = embedded.start(state, progress=quiet, durable=False)
    STARTED.append(servers)
    return servers


def sql(servers: embedded.Servers, statement: str, role: str = "owner") -> list[tuple[Any, ...]]:
    url = servers.database_url.replace("dermaclinic_owner@", f"dermaclinic_{role}@")
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def remember(servers: embedded.Servers) -> None:
    sql(servers, "CREATE TABLE kept (note text); INSERT INTO kept VALUES ('still here')")


def recall(servers: embedded.Servers) -> str:
    return str(sql(servers, "SELECT note FROM kept")[0][0])


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(child: Child | None) -> None:
    assert child is not None
    assert child.process is not None
    child.process.kill()
    child.process.wait(10)


def pids(servers: embedded.Servers) -> tuple[int, int]:
    assert servers.postgres is not None
    assert servers.redis is not None
    return servers.postgres.pid, servers.redis.pid


def supervisor(state: Path, orphans: bool) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(state), "orphans" if orphans else "all"],
        cwd=embedded.PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, [int(word) for word in process.stdout.readline().split()]


def test_clean_stop_leaves_nothing_running_and_keeps_the_data(state: Path) -> None:
    servers = start(state)
    remember(servers)
    running = pids(servers)
    servers.stop()
    assert all(gone(pid) for pid in running)
    assert not list((state / "servers" / "run").glob(".s.PGSQL*"))
    servers = start(state)
    assert recall(servers) == "still here"


def test_they_run_without_privileges_and_without_a_port(state: Path) -> None:
    servers = start(state)
    for pid in pids(servers):
        assert psutil.Process(pid).uids().real != 0
        assert psutil.Process(pid).net_connections(kind="inet") == []
    assert sql(servers, "SHOW listen_addresses") == [("",)]
    assert sql(servers, "SHOW data_checksums") == [("on",)]
    sockets = places.Places.of(state).sockets
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_postgres_killed_is_revived_with_its_data(state: Path) -> None:
    servers = start(state)
    remember(servers)
    kill(servers.postgres)
    said: list[str] = []
    servers.revive(progress=said.append)
    assert recall(servers) == "still here"
    assert len(said) == 1
    assert said[0].startswith("PostgreSQL ended")


def test_redis_killed_is_revived(state: Path) -> None:
    servers = start(state)
    kill(servers.redis)
    servers.revive(progress=quiet)
    client = Redis.from_url(servers.redis_url)
    assert client.ping()
    client.close()


def test_a_hung_redis_still_stops(state: Path) -> None:
    servers = start(state)
    assert servers.redis is not None
    pid = servers.redis.pid
    os.kill(pid, signal.SIGSTOP)
    servers.stop()
    assert gone(pid)


def test_servers_die_with_a_killed_supervisor_and_start_again(state: Path) -> None:
    process, running = supervisor(state, orphans=False)
    process.kill()
    process.communicate()
    until(lambda: all(gone(pid) for pid in running))
    servers = start(state)
    remember(servers)


def test_orphans_of_a_killed_supervisor_are_ended_first(state: Path) -> None:
    process, running = supervisor(state, orphans=True)
    process.kill()
    process.communicate()
    assert not any(gone(pid) for pid in running)
    servers = start(state)
    assert all(gone(pid) for pid in running)
    assert set(pids(servers)).isdisjoint(running)
    remember(servers)
    assert recall(servers) == "still here"


def test_a_second_supervisor_is_refused_and_harms_nothing(state: Path) -> None:
    servers = start(state)
    remember(servers)
    running = pids(servers)
    with pytest.raises(ServerError, match=f"already running .* \\(process {os.getpid()}\\)"):
        start(state)
    with pytest.raises(ServerError, match="already running"):
        embedded.wipe(state)
    assert pids(servers) == running
    assert recall(servers) == "still here"


def test_a_lock_that_names_a_stranger_is_no_obstacle(state: Path) -> None:
    servers = start(state)
    remember(servers)
    servers.stop()
    where = places.Places.of(state)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = f"{stranger.pid}\n{where.home}/postgresql\n1\n5432\n{where.sockets}\n\n"
    (where.home / "postgresql" / "postmaster.pid").write_text(lock)
    (where.sockets / ".s.PGSQL.5432.lock").write_text(lock)
    servers = start(state)
    assert recall(servers) == "still here"
    assert stranger.poll() is None
    stranger.communicate(b"\n")


def test_a_half_made_data_directory_is_made_anew(state: Path) -> None:
    start(state).stop()
    where = places.Places.of(state)
    (where.home / "postgresql").rename(where.home / "postgresql.new")
    (where.home / "postgresql.new" / "PG_VERSION").unlink()
    servers = start(state)
    assert sql(servers, "SELECT 1") == [(1,)]


def test_data_of_another_version_are_refused_untouched(state: Path) -> None:
    start(state).stop()
    version = places.Places.of(state).home / "postgresql" / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(ServerError, match="was made by PostgreSQL 9"):
        start(state)
    assert version.read_text() == "9\n"
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(embedded.database_url(state))


def test_programs_in_a_private_folder_are_copied_out_of_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = Path(tempfile.mkdtemp(prefix="dermaclinic-private-"))  # 0700, as /root is
    (private / "pg").symlink_to(binaries._wheel_postgres().parent)
    (private / "valkey-server").symlink_to(binaries._wheel_redis())
    monkeypatch.setattr(binaries, "_wheel_postgres", lambda: private / "pg" / "bin")
    monkeypatch.setattr(binaries, "_wheel_redis", lambda: private / "valkey-server")
    servers = start(state)
    assert sql(servers, "SELECT similarity('melanoma', 'melanomas') > 0.5") == [(True,)]
    servers.stop()
    shutil.rmtree(private)


def test_roles_are_apart_and_extensions_reach_new_databases(state: Path) -> None:
    servers = start(state)
    for role in embedded.ROLES:
        answer = sql(servers, "SELECT current_user, current_setting('is_superuser')", role)
        assert answer == [(f"dermaclinic_{role}", "off")]
    for role in ("web", "worker", "sealer"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            sql(servers, "SET ROLE dermaclinic_owner", role)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            sql(servers, "CREATE TABLE public.mine (id int)", role)
    connection = psycopg2.connect(servers.database_url)
    connection.autocommit = True
    connection.cursor().execute("CREATE DATABASE another")
    connection.close()
    with psycopg2.connect(servers.database_url.replace("/dermaclinic?", "/another?")) as other:
        cursor = other.cursor()
        cursor.execute("SELECT extname FROM pg_extension")
        assert {"pg_trgm", "pgcrypto", "btree_gist"} <= {name for (name,) in cursor.fetchall()}
    other.close()


def test_urls_from_outside_win_and_missing_roles_are_named(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = start(state)
    superuser = outer.database_url.replace("dermaclinic_owner@", "postgres@")
    monkeypatch.setenv("DATABASE_URL", superuser)
    monkeypatch.setenv("REDIS_URL", outer.redis_url)
    _as_superuser(superuser, "REVOKE dermaclinic_sealer FROM dermaclinic_owner")
    _as_superuser(superuser, "DROP ROLE dermaclinic_sealer")
    with tempfile.TemporaryDirectory() as other:
        with pytest.raises(ServerError, match="has no role dermaclinic_sealer"):
            embedded.start(Path(other), progress=quiet)
        assert embedded.main(["roles"]) == 0
        servers = embedded.start(Path(other), progress=quiet)
        assert (servers.postgres, servers.redis) == (None, None)
        assert embedded.environment(servers, "web") == {
            "DATABASE_URL": superuser,
            "DATABASE_ROLE": "web",
            "REDIS_URL": outer.redis_url,
            "DERMACLINIC_STATE": other,
        }
        servers.stop()
        assert sql(outer, "SELECT 1") == [(1,)]
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        with pytest.raises(ServerError, match="No Redis answers at REDIS_URL"):
            embedded.start(Path(other), progress=quiet)
        monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        with pytest.raises(ServerError, match="DATABASE_URL is set, but does not answer"):
            embedded.start(Path(other), progress=quiet)


def _as_superuser(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_passwords_of_the_roles_come_from_the_environment(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = start(state)
    superuser = servers.database_url.replace("dermaclinic_owner@", "postgres@")
    monkeypatch.setenv("DATABASE_PASSWORD_WEB", "it's; a \\ secret")
    backends.apply_roles(superuser)
    stored = "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY 1"
    connection = psycopg2.connect(superuser)
    cursor = connection.cursor()
    cursor.execute(stored)
    assert cursor.fetchall() == [("dermaclinic_web",)]
    connection.close()


def test_temporary_servers_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    abandoned = Path(tempfile.mkdtemp(prefix=f"dermaclinic-test-{os.geteuid()}-"))
    os.utime(abandoned, (1, 1))
    with embedded.temporary() as servers:
        state, running = servers.state, pids(servers)
        assert sql(servers, "SHOW fsync") == [("off",)]
    assert not state.exists()
    assert all(gone(pid) for pid in running)
    assert not abandoned.exists()


def test_sockets_of_a_deep_directory_stay_within_the_limit(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 40)
    where = places.Places.of(deep)
    assert len(str(where.sockets / ".s.PGSQL.5432")) <= places.SOCKET_PATH_LIMIT
    assert where == places.Places.of(deep)


@pytest.mark.parametrize(
    ("url", "celery"),
    [
        ("unix:///run/redis.sock?db=0", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("redis://:secret@cache:6379/1", "redis://:secret@cache:6379/1"),
    ],
)
def test_celery_gets_its_own_spelling(url: str, celery: str) -> None:
    assert embedded.celery_url(url) == celery


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    first = keys.read(tmp_path)
    assert keys.read(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]
    assert len(base64.b64decode(first["VAULT_NAMING_KEY"])) == 32
    for ring in ("VAULT_KEYS", "AUDIT_EVENT_KEY", keys.SEAL_KEY):
        name, _, key = first[ring].partition(":")
        assert name == "demo"
        assert len(base64.b64decode(key)) == 32
    assert len(set(first.values())) == len(first)


def test_only_marked_processes_count_as_left_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "input()"]
    marked = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, leftovers.MARK: str(tmp_path)}
    )
    stranger = subprocess.Popen(command, stdin=subprocess.PIPE)
    until(lambda: bool(leftovers.marked(str(tmp_path))))
    found = leftovers.marked(str(tmp_path))
    assert [process.pid for process in found] == [marked.pid]
    leftovers.end(found, signal.SIGTERM, 10)
    assert gone(marked.pid)
    assert stranger.poll() is None
    marked.communicate()
    stranger.communicate(b"\n")
