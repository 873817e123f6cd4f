"""Augmented views of every image, seen through the stem once and read in every epoch.

The stem keeps ImageNet's weights, so its maps of a view never change. A rarer class, drawn more
often, gets more views. Each view is a function of (seed, image, number of the view).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .augment import draw, fine_draws
from .config import Config
from .datasets import Example, Frames

CHUNK = 128
AHEAD = 16  # chunks


@dataclass(frozen=True)
class Views:
    """`maps` (views, side, side, channels) float16; example i owns `count[i]` from `first[i]`."""

    maps: NDArray[np.float16]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def pick(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
        """One view of each example named in `rows`."""
        chosen = self.first[rows] + rng.integers(self.count[rows])
        return np.asarray(self.maps[chosen], np.float32)


def counts(labels: NDArray[np.int64], config: Config) -> NDArray[np.int64]:
    """How many views each example gets: `fewest` in the largest class, more in a rarer one."""
    sizes = np.bincount(labels)
    wanted = config.views.fewest * (sizes.max() / sizes[labels]) ** (1 - config.fit.prior_power)
    return np.clip(np.rint(wanted), 1, config.views.most).astype(np.int64)


def make(
    examples: Sequence[Example],
    coarse: Frames,
    fine: Frames,
    stem: keras.Model,
    config: Config,
    cache: Path,
) -> Views:
    """All views, made once into `cache`; goes on where an interrupted run stopped."""
    labels = np.array([row.label for row in examples])
    count = counts(labels, config)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    shape = (int(count.sum()), *stem.output_shape[1:])
    progress = cache.with_suffix(".done")
    cache.parent.mkdir(parents=True, exist_ok=True)
    done = int(progress.read_text()) if cache.is_file() and progress.is_file() else 0
    maps = np.lib.format.open_memmap(
        cache, "r+" if done else "w+", None if done else np.float16, None if done else shape
    )
    if maps.shape != shape:
        raise ValueError(f"{cache} holds {maps.shape}, not {shape}: name another folder.")
    tasks = _tasks(examples, count, fine_draws(examples, fine, config.augment.fine), done)
    workers = ProcessPoolExecutor(
        os.cpu_count(), get_context("spawn"), _open, (coarse, fine, config)
    )
    through = _compiled(stem)
    with workers as pool, tqdm(total=shape[0], initial=done, desc="views", unit="view") as bar:
        for squares in _ahead(pool, tasks):
            maps[done : done + len(squares)] = through(_full(squares))[: len(squares)]
            done += len(squares)
            bar.update(len(squares))
            if done % (32 * CHUNK) == 0 or done == shape[0]:
                maps.flush()
                progress.write_text(str(done))
    return Views(np.load(cache, mmap_mode="r"), first, count)


def _compiled(stem: keras.Model) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    if keras.backend.backend() != "tensorflow":
        return lambda squares: np.asarray(stem.predict_on_batch(squares))
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # With its weights as constants each normalisation is folded into its convolution: three times
    # faster than Keras's own loop.
    def call(squares: Any) -> Any:
        return stem(tf.cast(squares, tf.float32), training=False)

    batch = tf.TensorSpec((CHUNK, *stem.input_shape[1:]), tf.uint8)
    frozen = convert_variables_to_constants_v2(tf.function(call).get_concrete_function(batch))
    return lambda squares: np.asarray(frozen(tf.constant(squares))[0])


def _ahead(pool: ProcessPoolExecutor, tasks: Iterator[Task]) -> Iterator[NDArray[np.uint8]]:
    """In the order of the tasks, a few drawn ahead: all of them would fill the memory."""
    waiting = deque(pool.submit(_draw_many, task) for task in islice(tasks, AHEAD))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(_draw_many, task) for task in islice(tasks, 1))


Task = list[tuple[str, int, float]]  # image id, number of the view, chance of the finer copy


def _tasks(
    examples: Sequence[Example],
    count: NDArray[np.int64],
    chance: NDArray[np.float64],
    done: int,
) -> Iterator[Task]:
    wanted = [
        (row.image_id, view, float(chance[index]))
        for index, row in enumerate(examples)
        for view in range(count[index])
    ][done:]
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


def _full(squares: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A batch of always the same size, so that the last one is not compiled again."""
    return np.pad(squares, [(0, CHUNK - len(squares)), (0, 0), (0, 0), (0, 0)])


_sources: tuple[Frames, Frames, Config]


def _open(coarse: Frames, fine: Frames, config: Config) -> None:
    global _sources
    _sources = (coarse, fine, config)


def _draw_many(task: Task) -> NDArray[np.uint8]:
    coarse, fine, config = _sources
    size = config.network.size
    squares = np.empty((len(task), size, size, 3), np.uint8)
    for square, (image_id, view, chance) in zip(squares, task, strict=True):
        rng = np.random.default_rng((config.seed, crc32(image_id.encode()), view))
        source = fine if rng.random() < chance else coarse
        square[:] = np.rint(draw(source[image_id], size, config.augment, rng))
    return squares
