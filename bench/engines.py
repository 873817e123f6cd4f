"""What a package costs: start-up time, memory, and milliseconds an image, in a fresh process.

`python -m bench.engines PACKAGE` loads the engine as a worker does and prints the figures as JSON.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermaclinic.embedded import PROJECT

PASSES = 15
STARTS = 3


@dataclass(frozen=True)
class Cost:
    """Start-up in seconds (imports included), peak memory in MB after the largest batch.

    `single_ms` is one image from pixels to finding, on so many `threads`; `batch_ms` an image of
    the largest batch that the engine runs, `batch`.
    """

    package: str
    threads: int
    start_seconds: float
    peak_mb: float
    single_ms: float
    batch: int
    batch_ms: float


def measure(package: Path, threads: int) -> Cost:
    """The quickest of a few starts: what disturbs a machine only ever slows it down."""
    runs = [_run(package, threads) for _ in range(STARTS)]
    names = ("start_seconds", "peak_mb", "single_ms", "batch_ms")
    return Cost(
        package=package.name,
        threads=threads,
        batch=int(runs[0]["batch"]),
        **{name: min(run[name] for run in runs) for name in names},
    )


def _run(package: Path, threads: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.engines", str(package), str(threads)]
    done = subprocess.run(command, cwd=PROJECT, check=True, text=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main(folder: str, threads: str) -> None:
    """The measuring process."""
    began = time.perf_counter()
    from inference.engine import Case, Engine, Metadata

    engine = Engine.load(Path(folder), threads=int(threads))
    started = time.perf_counter() - began
    random = np.random.default_rng(0)
    cases = [
        Case(random.integers(0, 256, (450, 600, 3), np.uint8), Metadata(50, "female", "back"))
        for _ in range(engine.batch_sizes[-1])
    ]
    print(
        json.dumps(
            {
                "start_seconds": started,
                "single_ms": _ms(lambda: engine.predict(cases[:1])),
                "batch": len(cases),
                "batch_ms": _ms(lambda: engine.predict(cases)) / len(cases),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def _ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(PASSES + 2):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[2:])


if __name__ == "__main__":
    main(*sys.argv[1:])
