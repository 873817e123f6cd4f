"""Child processes of the embedded servers and the demo: start, watch, stop.

A child dies with its parent: the kernel signals it when the parent ends, even by kill -9 (Linux).
Start children from the main thread, since the kernel watches the thread that started them.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


class ServerError(RuntimeError):
    """A server did not start or stop; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The unprivileged user that a child runs as."""

    uid: int
    gid: int


def _dying_with_parent(signum: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_kernel


@dataclass
class Child:
    """One process in a session of its own: Ctrl-C in the terminal reaches only the supervisor.

    `stopping` are the signals that ask it to end, each with the seconds to wait before the next.
    """

    name: str
    command: Sequence[str]
    directory: Path
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    stopping: Sequence[tuple[signal.Signals, float]] = (
        (signal.SIGTERM, 20),
        (signal.SIGKILL, 5),
    )
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    asked: bool = field(default=False, init=False)

    @property
    def pid(self) -> int:
        """The process id; ServerError when it was never started."""
        if self.process is None:
            raise ServerError(f"{self.name} is not running.")
        return self.process.pid

    def start(self) -> None:
        """Start the process; its output goes to the end of the log file."""
        self.asked = False
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                cwd=self.directory,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
                preexec_fn=_dying_with_parent(self.stopping[0][0]),
            )

    def alive(self) -> bool:
        """True while the process runs. Collects it when it has ended."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the first signal and do not wait, so that several can end side by side."""
        if self.alive() and not self.asked:
            self.asked = True
            self._signal(self.stopping[0][0])

    def _signal(self, signum: signal.Signals) -> None:
        if self.process is None:
            return
        if signum == signal.SIGKILL and self.alive():
            os.killpg(self.process.pid, signum)  # it cannot end its own children any more
            return
        self.process.send_signal(signum)
        self.process.send_signal(signal.SIGCONT)  # a stopped process cannot hear

    def stop(self) -> None:
        """End the process, politely first. Harmless when it has ended or never ran."""
        self.ask_to_stop()  # a second time would mean "at once" to some
        for signum, seconds in self.stopping:
            if not self.alive() or self.process is None:
                break
            if signum != self.stopping[0][0]:
                self._signal(signum)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        if self.alive():
            raise ServerError(f"{self.name} (process {self.pid}) does not end.")

    def last_words(self, lines: int = 6) -> str:
        """The end of the log, for an error message."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])
