"""`make demo`: starts a whole clinic on this machine, keeps it running, stops it without a trace.

Plain Python, no Django in here: servers, schema and files first, then web, workers, beat and the
sealer as child processes, then the invented patients, then the address and three sign-ins.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dermaclinic import embedded, keys, leftovers
from dermaclinic.processes import Child, ServerError

PROJECT = embedded.PROJECT
PYTHON = sys.executable
OPENS_WITHIN = 60.0  # seconds from the start of the web server to its first answer


def say(text: str) -> None:
    """One calm line on the screen."""
    print(text, flush=True)


@dataclass
class Supervised:
    """A child that is started again when it ends, later each time if it keeps ending."""

    child: Child
    pause: float = 1.0
    started: float = 0.0
    due: float = 0.0
    noticed: bool = field(default=False)

    def start(self) -> None:
        """Start it and remember when."""
        self.child.start()
        self.started, self.noticed = time.monotonic(), False

    def look(self) -> None:
        """Notice an end, say so once, start again when the pause is over."""
        if self.child.alive():
            return
        now = time.monotonic()
        if not self.noticed:
            self.noticed = True
            self.pause = 1.0 if now - self.started > 60 else min(self.pause * 2, 30.0)
            self.due = now + self.pause
            say(f"{self.child.name} ended; starting it again. Its log: {self.child.log}")
            self._end_its_children()
        elif now >= self.due:
            self.start()

    def _end_its_children(self) -> None:
        """A parent killed with -9 leaves its own children: a prefork pool, web workers."""
        mark = self.child.environment.get(leftovers.MARK, "")
        strays = [
            process
            for process in leftovers.marked(mark)
            if mark and leftovers.group(process) == self.child.pid
        ]
        leftovers.end(strays, signal.SIGTERM, 5)


def environments(servers: embedded.Servers, state: Path) -> dict[str, dict[str, str]]:
    """What a process of each role is given. Only the sealer's has the sealing key."""
    made = keys.read(state)
    common = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dermaclinic.settings.development",
        "VAULT_DIR": str(state / "vault"),
        leftovers.MARK: str(state),
        **{name: value for name, value in made.items() if name != keys.SEAL_KEY},
    }
    common.pop(keys.SEAL_KEY, None)
    found: dict[str, dict[str, str]] = {}
    for role in embedded.ROLES:
        found[role] = {**common, **embedded.environment(servers, role)}
    found["sealer"][keys.SEAL_KEY] = made[keys.SEAL_KEY]
    return found


def manage(
    *arguments: str,
    environment: Mapping[str, str],
    log: Path,
    on_screen: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> bool:
    """Run a manage.py command to its end; False, with its last words, when it fails.

    The command decides which role it plays. `on_screen` leaves its progress bar visible;
    `meanwhile` is called several times a second.
    """
    given = {name: value for name, value in environment.items() if name != "DATABASE_ROLE"}
    with open(log, "ab") as out:
        before = out.tell()
        process = subprocess.Popen(
            [PYTHON, "manage.py", *arguments],
            cwd=PROJECT,
            env=given,
            stdout=out,
            stderr=None if on_screen else subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        try:
            while process.poll() is None:
                meanwhile()
                time.sleep(0.2)
        finally:
            process.kill()  # harmless when it has ended
            process.wait()
    if process.returncode != 0:
        said = log.read_bytes()[before:].decode(errors="replace").splitlines()[-5:]
        say("\n".join([f"`manage.py {' '.join(arguments)}` failed.", *said]))
    return process.returncode == 0


def prepare(environment: Mapping[str, str], log: Path) -> None:
    """The schema, the model packages and the static files; quick when they are there already."""
    say("Preparing the database's tables")
    if not manage("migrate", "--no-input", environment=environment, log=log):
        raise ServerError(f"The tables could not be prepared. See {log}.")
    wall = ("check", "--tag", "database", "--database", "default")
    if not manage(*wall, environment=environment, log=log):
        raise ServerError(f"A table of patient data stands open. See {log}.")
    say("Registering the models")
    if not manage("register_model", "--shipped", environment=environment, log=log):
        say("Opinions come from models registered before, if any; everything else works.")
    say("Collecting the pages' files")
    if not manage("collectstatic", "--no-input", environment=environment, log=log):
        raise ServerError(f"The pages' files could not be collected. See {log}.")


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or the next free one of twenty."""
    for port in range(wanted, wanted + 20):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                say(f"Port {port} is taken.")
                continue
            return port
    raise ServerError(f"No free port from {wanted} to {wanted + 19}. Set PORT to another.")


def children(roles: Mapping[str, Mapping[str, str]], logs: Path, bind: str) -> list[Supervised]:
    """Everything that runs beside PostgreSQL and Redis, in the order in which it is started."""
    metrics = logs.parent / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir()
    gunicorn = [PYTHON, "-m", "gunicorn", "dermaclinic.wsgi", "--bind", bind]
    gunicorn += ["--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    gunicorn += ["--timeout", "120", "--graceful-timeout", "10", "--no-control-socket"]
    celery = [PYTHON, "-m", "celery", "-A", "dermaclinic"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    inference = [*worker, "-P", "solo", "-Q", "inference", "-n", "inference@%h"]
    default = [*worker, "-P", "prefork", "-c", "1", "-Q", "default", "-n", "default@%h"]
    beat = [*celery, "beat", "--pidfile=", "-S", "celery.beat:Scheduler"]
    sealer = [PYTHON, "manage.py", "seal_audit", "--forever"]
    web = {**roles["web"], "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    programs: list[tuple[str, list[str], Mapping[str, str]]] = [
        ("web", gunicorn, web),
        ("inference-worker", inference, roles["worker"]),
        ("default-worker", default, roles["worker"]),
        ("beat", beat, roles["worker"]),
        ("sealer", sealer, roles["sealer"]),
    ]
    return [
        Supervised(
            Child(
                name=name,
                command=command,
                directory=PROJECT,
                log=logs / f"{name}.log",
                environment=environment,
                # Nothing is lost by a kill: leases run out, and the queue is in the database.
                stopping=((signal.SIGTERM, 12), (signal.SIGKILL, 5)),
            )
        )
        for name, command, environment in programs
    ]


def wait_for_page(url: str, web: Supervised) -> None:
    """Return when the web server answers; ServerError with its last words when it does not."""
    deadline = time.monotonic() + OPENS_WITHIN
    while time.monotonic() < deadline:
        web.look()
        try:
            with urllib.request.urlopen(f"{url}healthz", timeout=5):  # noqa: S310 - our own http
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ServerError(
        f"The web server does not answer. Its log ends with:\n{web.child.last_words()}"
    )


def sign_ins(password: str) -> str:
    """The people of the first clinic: two doctors, since some lesions are read twice."""
    from demo.people import CLINICS

    staff = CLINICS[0].staff
    return "\n".join(f"    {person.role:<14} {person.email:<40} {password}" for person in staff)


def serve(state: Path, servers: embedded.Servers, running: list[Supervised]) -> None:
    """Bring everything up, then watch until a signal comes. Fills `running` as it goes."""
    password = keys.read(state)["DEMO_PASSWORD"]
    logs = state / "log"
    roles = environments(servers, state)
    prepare(roles["web"], logs / "setup.log")
    host = os.environ.get("HOST", "127.0.0.1")
    port = free_port(host, int(os.environ.get("PORT", "8000")))
    literal = f"[{host}]" if ":" in host else host
    shown = "localhost" if host in ("0.0.0.0", "::") else literal  # noqa: S104 - asked for by HOST
    url = f"http://{shown}:{port}/"
    say("Starting web, workers and the audit's sealer")
    for each in children(roles, logs, f"{literal}:{port}"):
        running.append(each)
        each.start()
    wait_for_page(url, running[0])
    say(f"The page is open: {url}  Patients are being invented and examined.")

    def attend() -> None:
        servers.revive(progress=say)
        for each in running:
            each.look()

    log = logs / "setup.log"
    manage("seed_demo", environment=roles["web"], log=log, on_screen=True, meanwhile=attend)
    say(
        f"\n  dermaclinic runs at {url}\n\n{sign_ins(password)}\n\n"
        f"  Here a password is enough; in a clinic, doctors and administrators need more.\n"
        f"  Research use only, no medical device; all patients are invented.\n"
        f"  Data and logs: {state}    Stop: Ctrl-C\n"
    )
    while True:
        attend()
        time.sleep(0.5)


def clear(state: Path) -> None:
    """End what a supervisor of this state directory, killed with -9, may have left running."""
    left = leftovers.marked(str(state))
    if left:
        say("Ending what an earlier run left behind")
        leftovers.end(left, signal.SIGTERM, 15)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo until Ctrl-C, SIGTERM or a closed terminal. 0 when it was asked to stop."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)
    state = embedded.state_dir()
    running: list[Supervised] = []
    servers: embedded.Servers | None = None
    try:
        servers = embedded.start(state, progress=say)
        (state / "log").mkdir(exist_ok=True)
        clear(state)
        serve(state, servers, running)
    except KeyboardInterrupt:
        say("\nStopping")
        return 0
    except ServerError as error:
        say(str(error))
        return 1
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        for each in reversed(running):
            each.child.ask_to_stop()
        for each in reversed(running):
            each.child.stop()
        if servers is not None:
            servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
