"""The network and nothing else, in a fresh process: the yardstick of both ratios.

`python -m bench.bare PACKAGE INTRA STREAMS SIZES` prints, for each batch size, the images per
second of so many threads that each run uint8 arrays from memory through the warmed network.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermaclinic.embedded import PROJECT

SECONDS = 2.0  # a measurement
TRIES = 3  # the best counts: what disturbs a machine only ever slows it down


@dataclass(frozen=True)
class Setting:
    """Threads inside an operation, and forward passes that run side by side in one process."""

    intra: int
    streams: int = 1


@dataclass(frozen=True)
class Rate:
    """The speed of one setting at one batch size."""

    setting: Setting
    batch: int
    images_per_second: float

    @property
    def pass_ms(self) -> float:
        """Milliseconds of one forward pass, where there is one stream."""
        return 1000 * self.batch / self.images_per_second


def measure(package: Path, setting: Setting, batches: tuple[int, ...]) -> list[Rate]:
    """Measure in a process of its own: TensorFlow's threads are set once in a process's life."""
    command = [sys.executable, "-m", "bench.bare", str(package)]
    command += [str(setting.intra), str(setting.streams), ",".join(map(str, batches))]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    rates = json.loads(done.stdout.splitlines()[-1])
    return [Rate(setting, int(batch), rate) for batch, rate in rates.items()]


def _rates(package: Path, setting: Setting, batches: tuple[int, ...]) -> dict[int, float]:
    from inference.engine import Engine

    engine = Engine.load(package, threads=setting.intra, batch_sizes=batches)
    side = engine.package.input_size
    random = np.random.default_rng(0)

    def images_per_second(batch: int) -> float:
        images = random.integers(0, 256, (batch, side, side, 3), np.uint8)
        counts = [0] * setting.streams
        began = time.perf_counter()

        def stream(number: int) -> None:
            while time.perf_counter() - began < SECONDS:
                engine.bare_forward(images)
                counts[number] += batch

        threads = [threading.Thread(target=stream, args=[n]) for n in range(setting.streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - began)

    return {batch: max(images_per_second(batch) for _ in range(TRIES)) for batch in batches}


if __name__ == "__main__":
    _folder, _intra, _streams, _sizes = sys.argv[1:]
    _batches = tuple(int(size) for size in _sizes.split(","))
    print(json.dumps(_rates(Path(_folder), Setting(int(_intra), int(_streams)), _batches)))
