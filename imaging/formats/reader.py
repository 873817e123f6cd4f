"""Reads each file in a process of its own, which it may crash, hang or fill without harm.

A second process of ours (imaging/formats/zygote.py) stands by with everything imported, and forks
for each file: milliseconds instead of a second. What one file did to a decoder, no other file
meets, and the bytes of two patients are never in one process. The limits are limits, no jail: a
decoder that was taken over still runs under the server's account (docs/security.md).
"""

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imaging.formats.limits import Limits, environment

AT_ONCE = 2  # files of one server process; others wait for their turn
STARTS_WITHIN = 30  # seconds, where everything must be imported first
MAX_ANSWER = 512 * 1024**2
STATUS = struct.Struct("<iq")  # wait status, peak of resident memory in KiB
_PROJECT = Path(__file__).resolve().parents[2]
_PROGRAM = "imaging.formats.zygote"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """How a reader ended. ``code`` is "" where it answered, else why the file is refused."""

    answer: bytes
    code: str
    how: str
    peak_kib: int


class Zygote:
    """The process that forks readers; started when first needed, again when it has ended."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start it unless it runs; returns at once, it is warm a second later."""
        with self._lock:
            self._started()

    def stop(self) -> None:
        """End it, and with it every reader."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._control = self._process = None

    def forget(self) -> None:
        """In a forked child: the process is the parent's."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        Zygote.__init__(self, self.limits)

    @property
    def pid(self) -> int | None:
        """Of the process that forks; None before it was needed."""
        return self._process.pid if self._process else None

    def read(self, data: bytes, filename: str) -> Outcome:
        """Have a file read. Raises Unavailable where no reader can be had."""
        if not self._turns.acquire(timeout=self.limits.wall):
            raise _unavailable()
        try:
            return self._read(data, filename)
        except (OSError, struct.error) as error:
            raise _unavailable() from error
        finally:
            self._turns.release()

    def _read(self, data: bytes, filename: str) -> Outcome:
        ours, theirs = socket.socketpair()
        status_read, status_write = os.pipe()
        with ours, theirs, open(status_read, "rb") as status:
            try:
                self._hand_over(theirs, status_write)
            finally:
                os.close(status_write)
                theirs.close()
            ours.settimeout(self.limits.wall + self.limits.grace + STARTS_WITHIN)
            with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: see its status
                ours.sendall(_size(filename) + data)
                ours.shutdown(socket.SHUT_WR)
            answer = _received(ours)
            ended, peak = STATUS.unpack(status.read(STATUS.size))
        return _outcome(answer, ended, peak)

    def _hand_over(self, theirs: socket.socket, status: int) -> None:
        """Give a reader-to-be its socket, and where to tell how it ended."""
        with self._lock:
            for attempt in (1, 2):
                control = self._started()
                try:
                    socket.send_fds(control, [b"f"], [theirs.fileno(), status])
                except OSError:
                    control.close()
                    self._control = None
                    if attempt == 2:
                        raise
                else:
                    return

    def _started(self) -> socket.socket:
        if self._control is not None and self._process is not None:
            if self._process.poll() is None:
                return self._control
            self._control.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            given = json.dumps(asdict(self.limits))
            paths = [str(_PROJECT), os.environ.get("PYTHONPATH", "")]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _PROGRAM, str(theirs.fileno()), given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders talk, and may quote what they read
                cwd="/",
                env={
                    **environment(),
                    "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                },
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the server, which then ends this one
            )
        self._control = ours
        return ours


def _size(filename: str) -> bytes:
    name = filename.encode("utf-8", "replace")[-255:]
    return bytes([len(name)]) + name


def _received(ours: socket.socket) -> bytes:
    chunks, total = [], 0
    with suppress(ConnectionResetError):
        while chunk := ours.recv(_CHUNK):
            total += len(chunk)
            if total > MAX_ANSWER:
                break
            chunks.append(chunk)
    return b"".join(chunks) if total <= MAX_ANSWER else b""


def _outcome(answer: bytes, ended: int, peak: int) -> Outcome:
    if os.WIFEXITED(ended):
        number = os.WEXITSTATUS(ended)
        return Outcome(answer, "damaged" if number else "", f"status {number}", peak)
    number = os.WTERMSIG(ended)
    costly = number in (signal.SIGKILL, signal.SIGXCPU, signal.SIGALRM)
    name = signal.Signals(number).name
    return Outcome(b"", "too-costly" if costly else "damaged", name, peak)


def _unavailable() -> Exception:
    # Imported here: a reader's own process needs nothing of pages.
    from django.utils.translation import gettext_lazy as _

    from dermaclinic.errors import Unavailable

    return Unavailable(_("Files cannot be read just now. Try again in a minute."))


def _stop(*_: Any) -> None:
    zygote.stop()


zygote = Zygote()
read = zygote.read
warm = zygote.start
atexit.register(_stop)
os.register_at_fork(after_in_child=zygote.forget)
