"""The program that reader.py starts: imports every decoder once, then forks for each file.

It reads no file itself. Each message on its control socket brings the two ends of one job: a socket
with the file, and a pipe on which it tells how the reader ended and how much memory it took. It
ends when the control socket closes, and its readers with it.
"""

import codecs
import contextlib
import gc
import io
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from importlib import import_module

import pydicom.charset
from PIL import Image

from imaging.formats import admission, admitted
from imaging.formats.limits import Limits, bind
from imaging.formats.reader import STATUS
from imaging.formats.refusal import MAX_BYTES, Refused


@dataclass(frozen=True)
class Job:
    """A reader at work: where to tell its end, and when it must have ended."""

    status: int
    due: float


def warm() -> None:
    """Import what decoders import late, so that a fork finds it: nothing is opened after that."""
    for name in ("libjpeg", "openjpeg", "rle", "pydicom.charset", "pydicom.values"):
        import_module(name)
    for encoding in pydicom.charset.python_encoding.values():
        codecs.encode("", encoding)  # those of other scripts are modules, too
    for kind in ("JPEG", "PNG"):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), "white").save(buffer, kind)
        admission.read(buffer.getvalue(), "")
    gc.collect()
    gc.freeze()


def serve(control: socket.socket, limits: Limits) -> None:
    """Fork for each job, collect what ended, kill what is overdue; until the control closes."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    jobs: dict[int, Job] = {}
    while True:
        wait = min((job.due for job in jobs.values()), default=None)
        timeout = None if wait is None else max(0.0, wait - time.monotonic())
        channels: list[int | socket.socket] = [control, woken]
        ready, _w, _x = select.select(channels, [], [], timeout)
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 512)
        if control in ready:
            message, ends, _flags, _address = socket.recv_fds(control, 1, 2)
            if not message:
                break
            _fork(jobs, limits, *ends)
        _collect(jobs)
        for pid, job in jobs.items():
            if job.due <= time.monotonic():
                os.kill(pid, signal.SIGKILL)
    for pid in jobs:
        os.kill(pid, signal.SIGKILL)


def _fork(jobs: dict[int, Job], limits: Limits, data: int, status: int) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.dup2(data, 3)
            os.closerange(4, 256)  # the control socket and other readers' pipes
            _read(socket.socket(fileno=3), limits)
            code = 0
        finally:
            os._exit(code)
    os.close(data)
    jobs[pid] = Job(status, time.monotonic() + limits.wall + limits.grace)


def _collect(jobs: dict[int, Job]) -> None:
    for pid in list(jobs):
        found, ended, usage = os.wait4(pid, os.WNOHANG)
        if found:
            job = jobs.pop(pid)
            with contextlib.suppress(OSError):  # whoever asked has gone
                os.write(job.status, STATUS.pack(ended, usage.ru_maxrss))
            os.close(job.status)


def _read(channel: socket.socket, limits: Limits) -> None:
    """In the child: one file in, one answer out."""
    bind(limits)
    with channel, channel.makefile("rb") as given:
        filename = given.read(given.read(1)[0]).decode("utf-8", "replace")
        data = given.read(MAX_BYTES + 1)
        try:
            said = admitted.answer(admission.read(data, filename))
        except admission.Broken as broken:
            said = admitted.refusal(broken, broken.place)
        except Refused as refused:
            said = admitted.refusal(refused)
        channel.sendall(said)


def main() -> None:
    """Until whoever started it has gone."""
    warm()
    serve(socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
