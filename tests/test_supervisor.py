"""The demo's supervisor: who is given which key, restarts, ports, and an end without a trace."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dermaclinic import demo, embedded, keys, leftovers
from dermaclinic.processes import Child, ServerError

pytestmark = pytest.mark.faults


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


@pytest.fixture
def servers(tmp_path: Path) -> embedded.Servers:
    """Addresses are enough here; nothing is started."""
    return embedded.Servers(tmp_path, "postgresql://somewhere/clinic", "redis://somewhere/0")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    child = Child("sleeper", command, tmp_path, tmp_path / "sleeper.log", dict(os.environ))
    yield child
    child.stop()


def test_only_the_sealer_is_given_the_sealing_key(
    servers: embedded.Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.SEAL_KEY, "from the caller's environment")
    roles = demo.environments(servers, tmp_path)
    sealing = keys.read(tmp_path)[keys.SEAL_KEY]
    assert roles["sealer"][keys.SEAL_KEY] == sealing
    for role in ("owner", "web", "worker"):
        assert keys.SEAL_KEY not in roles[role]
        assert sealing not in roles[role].values()
    for role, given in roles.items():
        assert given["DATABASE_ROLE"] == role
        assert given["VAULT_DIR"] == str(tmp_path / "vault")
        assert given["AUDIT_EVENT_KEY"] == keys.read(tmp_path)["AUDIT_EVENT_KEY"]


def test_each_part_runs_in_its_role_and_only_web_is_reachable(
    servers: embedded.Servers, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    roles = demo.environments(servers, tmp_path)
    parts = {
        each.child.name: each.child
        for each in demo.children(roles, tmp_path / "log", "127.0.0.1:8000")
    }
    assert {name: child.environment["DATABASE_ROLE"] for name, child in parts.items()} == {
        "web": "web",
        "inference-worker": "worker",
        "default-worker": "worker",
        "beat": "worker",
        "sealer": "sealer",
    }
    assert "127.0.0.1:8000" in parts["web"].command
    assert "solo" in parts["inference-worker"].command


def test_a_part_that_ends_is_named_once_and_started_again(
    sleeper: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(demo, "say", said.append)
    part = demo.Supervised(sleeper, pause=0.01)
    part.start()
    first = sleeper.pid
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        part.look()
        return sleeper.alive() and sleeper.pid != first

    until(again)
    assert said == [f"sleeper ended; starting it again. Its log: {sleeper.log}"]


PARENT = """
import os, signal, sys
if os.fork():
    print("forked", flush=True)
signal.signal(signal.SIGTERM, signal.SIG_DFL if sys.argv[1] == "polite" else signal.SIG_IGN)
while True:
    signal.pause()
"""


def family(tmp_path: Path, manners: str) -> tuple[Child, int]:
    """A parent with one child in its group, both of the same manners; the child's id."""
    environment = {**os.environ, leftovers.MARK: str(tmp_path)}
    command = [sys.executable, "-c", PARENT, manners]
    stopping = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
    log = tmp_path / "family.log"
    parent = Child("family", command, tmp_path, log, environment, stopping=stopping)
    parent.start()
    until(lambda: len(leftovers.marked(str(tmp_path))) == 2)
    until(lambda: log.exists() and "forked" in log.read_text())
    [child] = [p.pid for p in leftovers.marked(str(tmp_path)) if p.pid != parent.pid]
    return parent, child


def test_children_of_a_killed_part_are_ended_before_it_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "say", lambda text: None)
    parent, child = family(tmp_path, "polite")
    part = demo.Supervised(parent)
    part.started = time.monotonic()
    os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not parent.alive())
    assert leftovers.running(psutil.Process(child))
    part.look()
    assert leftovers.marked(str(tmp_path)) == []


def test_a_part_that_will_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    parent, _child = family(tmp_path, "deaf")
    parent.stop()
    until(lambda: leftovers.marked(str(tmp_path)) == [])
    assert not parent.alive()


def test_a_part_that_keeps_ending_is_given_longer_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "say", lambda text: None)
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    child = Child("failing", command, tmp_path, tmp_path / "failing.log", dict(os.environ))
    part = demo.Supervised(child, pause=0.01)
    pauses = []
    for _ in range(4):
        part.start()
        until(lambda: not child.alive())
        part.look()
        pauses.append(part.pause)
    assert pauses == sorted(pauses)
    assert pauses[-1] > pauses[0]
    part.pause, part.noticed = 29.0, False
    part.look()
    assert part.pause == 30.0


def test_a_taken_port_is_named_and_the_next_one_used(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(demo, "say", said.append)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert demo.free_port("127.0.0.1", port) > port
    assert said[0] == f"Port {port} is taken."


def test_sign_ins_name_everybody_and_two_doctors() -> None:
    lines = demo.sign_ins("the password").splitlines()
    roles = [line.split()[0] for line in lines]
    assert roles == ["technician", "doctor", "doctor", "administrator"]
    assert len({line.split()[1] for line in lines}) == 4
    assert all("@" in line and line.endswith("the password") for line in lines)


def test_a_failing_command_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(demo, "say", said.append)
    log = tmp_path / "setup.log"
    assert not demo.manage("no_such_command", environment=dict(os.environ), log=log)
    assert "no_such_command" in said[0]
    assert "Unknown command" in log.read_text()


def test_what_a_killed_supervisor_left_is_ended(sleeper: Child, tmp_path: Path) -> None:
    sleeper.environment = {**os.environ, leftovers.MARK: str(tmp_path)}
    sleeper.start()
    pid = sleeper.pid
    until(lambda: bool(leftovers.marked(str(tmp_path))))
    demo.clear(tmp_path)
    assert not sleeper.alive()
    assert not psutil.pid_exists(pid)


def test_a_web_server_that_never_answers_is_an_error_with_its_last_words(
    sleeper: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "OPENS_WITHIN", 0.3)
    sleeper.log.write_text("the address is wrong\n")
    web = demo.Supervised(sleeper)
    web.start()
    with pytest.raises(ServerError, match="the address is wrong"):
        demo.wait_for_page("http://127.0.0.1:1/", web)
