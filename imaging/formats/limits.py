"""What reading one file may cost, and how a reader's process binds itself to it (Linux)."""

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass

_FILES = 4  # standard input, output, error and the one socket, which are open: no further one
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """Of one reader: bytes of memory, seconds of its own work, seconds on the clock.

    ``grace`` is how much later it is killed from outside, should its own alarm not have rung.
    """

    memory: int = 3 * 1024**3
    cpu: int = 60
    wall: float = 90.0
    grace: float = 5.0


def bind(limits: Limits) -> None:
    """Limit this process for good: memory, time, no further file, no core dump, first to be killed.

    The alarm is the kernel's: a decoder that never returns to Python is ended all the same.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_AS, limits.memory),
    ):
        resource.setrlimit(what, (most, most))


def environment() -> dict[str, str]:
    """A reader needs Python's paths and one thread, and none of the server's secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
