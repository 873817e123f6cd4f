"""Finds and ends what a supervisor killed with -9 left running: its own children, nobody else's."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from dermaclinic.processes import ServerError

MARK = "DERMACLINIC_SUPERVISED"  # environment variable of the demo's children: its state directory


def running(process: psutil.Process) -> bool:
    """True unless the process has ended; a zombie has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def working_in(directory: Path, names: Sequence[str]) -> list[psutil.Process]:
    """Live processes of these program names whose working directory is `directory`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in names and running(process) and process.cwd() == str(directory):
                found.append(process)
        except psutil.Error:
            continue
    return found


def marked(mark: str) -> list[psutil.Process]:
    """Live processes that carry this mark in their environment, except the caller."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and running(process):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def group(process: psutil.Process) -> int:
    """The id of its process group; 0 when it has ended."""
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0


def end(processes: Sequence[psutil.Process], polite: signal.Signals, seconds: float) -> None:
    """Signal the processes, wait, kill the rest. ServerError when one survives."""
    left = _signal_and_wait(processes, polite, seconds)
    left = _signal_and_wait(left, signal.SIGKILL, 10)
    if left:
        raise ServerError(f"Process {left[0].pid} does not end; end it by hand.")


def _signal_and_wait(
    processes: Sequence[psutil.Process], signum: signal.Signals, seconds: float
) -> list[psutil.Process]:
    for process in processes:
        for each in (signum, signal.SIGCONT):  # a stopped process cannot hear
            try:
                process.send_signal(each)
            except psutil.NoSuchProcess:
                break
    deadline = time.monotonic() + seconds
    left = [process for process in processes if running(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if running(process)]
    return left
