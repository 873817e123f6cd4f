"""The network and nothing else, in fresh processes: the yardstick of both ratios.

`python -m bench.bare PACKAGE INTRA SIZES` waits for a line before each batch size, then runs uint8
arrays from memory through the warmed network and prints the images per second.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermaclinic.embedded import PROJECT

SECONDS = 1.5  # a measurement
TRIES = 3  # the best counts: what disturbs a machine only ever slows it down


@dataclass(frozen=True)
class Setting:
    """Threads inside an operation, and processes side by side."""

    intra: int
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.processes} x {self.intra} threads"


@dataclass(frozen=True)
class Rate:
    """The speed of one setting at one batch size."""

    setting: Setting
    batch: int
    images_per_second: float

    @property
    def pass_ms(self) -> float:
        """Milliseconds of one forward pass, where there is one process."""
        return 1000 * self.batch / self.images_per_second


def measure(package: Path, setting: Setting, batches: tuple[int, ...]) -> list[Rate]:
    """Measure in new processes: TensorFlow's threads are set once in a process's life."""
    sizes = [size for size in batches for _ in range(TRIES)]
    command = [sys.executable, "-m", "bench.bare", str(package), str(setting.intra)]
    command.append(",".join(map(str, sizes)))
    processes = [
        subprocess.Popen(
            command, cwd=PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(setting.processes)
    ]
    try:
        for process in processes:
            _say(process, "")
            _hear(process)  # loaded and warmed
        best = dict.fromkeys(batches, 0.0)
        for size in sizes:
            for process in processes:
                _say(process, "go")
            best[size] = max(best[size], sum(float(_hear(each)) for each in processes))
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return [Rate(setting, batch, rate) for batch, rate in best.items()]


def _say(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise RuntimeError("The bare network ended early; its error stands above.")
    return line


def main(folder: str, intra: str, sizes: str) -> None:
    """The measuring process."""
    from inference.engine import Engine

    wanted = [int(size) for size in sizes.split(",")]
    sys.stdin.readline()
    engine = Engine.load(Path(folder), threads=int(intra), batch_sizes=tuple(sorted({*wanted})))
    side = engine.package.input_size
    print("ready", flush=True)
    for size in wanted:
        images = np.random.default_rng(0).integers(0, 256, (size, side, side, 3), np.uint8)
        sys.stdin.readline()
        count, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < SECONDS:
            engine.bare_forward(images)
            count += size
        print(count / passed, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
