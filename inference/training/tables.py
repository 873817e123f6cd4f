"""Reads a data folder as its task's file describes it: the table's rows, and images of any size."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from inference.evaluation import labels
from inference.evaluation.labels import SUFFIXES, LabelsRefused
from inference.network.task import Task

from .datasets import DataUnusable, Example, Frames, decode_folder

SHORTEST = 256  # pixels: what is larger on its shorter side is shrunk to this before it is kept


def read_examples(data: Path, task: Task) -> list[Example]:
    """The labelled rows of the task's table in the folder, in its order. Raises DataUnusable.

    `label` is an index into the task's keys; `lesion_id` is the group that is never parted, a
    patient where the data set knows patients.
    """
    table = data / task.table.file
    if not table.is_file():
        raise DataUnusable(f"{table} is missing.")
    try:
        rows = labels.read(table, task)
    except LabelsRefused as error:
        raise DataUnusable(str(error)) from error
    numbers = {key: number for number, key in enumerate(task.keys)}
    return [
        Example(row.image, row.unit, numbers[row.label], row.metadata)
        for row in rows
        if row.label is not None
    ]


def write_table(data: Path, task: Task, out: Path, image_ids: Iterable[str]) -> None:
    """The rows of the task's table that belong to these images, in the same form."""
    wanted = set(image_ids)
    with (data / task.table.file).open(newline="") as lines, out.open("w", newline="") as kept:
        reader = csv.DictReader(lines)
        writer = csv.DictWriter(kept, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if labels.stem(row[task.table.image]) in wanted)


class VariedFrames(Frames):
    """Decoded images of different sizes, end to end in one uint8 array on disk.

    `sizes` holds height and width by image, shape (n, 2).
    """

    def __init__(
        self, ids: Sequence[str], pixels: NDArray[np.uint8], sizes: NDArray[np.int64]
    ) -> None:
        super().__init__(ids, pixels)
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1) * 3)])

    def __reduce__(self) -> tuple[object, ...]:
        """Sent to another process, an array on disk travels as its name."""
        if isinstance(self.pixels, np.memmap):
            return _reopened, (list(self.row_of), str(self.pixels.filename), self.sizes)
        return VariedFrames, (list(self.row_of), self.pixels, self.sizes)

    def __getitem__(self, image_id: str) -> Image.Image:
        row = self.row_of[image_id]
        height, width = (int(side) for side in self.sizes[row])
        flat = self.pixels[self.starts[row] : self.starts[row + 1]]
        return Image.fromarray(flat.reshape(height, width, 3))


def _reopened(ids: Sequence[str], cache: str, sizes: NDArray[np.int64]) -> VariedFrames:
    return VariedFrames(ids, np.load(cache, mmap_mode="r"), sizes)


def frames(folder: Path, cache: Path, ids: Iterable[str], task: Task) -> Frames:
    """The wanted images of `folder` that are there, decoded once into `cache`.

    Images of one small size are kept as they are; otherwise the shorter side becomes SHORTEST at
    most. Raises DataUnusable without any.
    """
    wanted = set(ids)
    found = {path.stem: path for path in sorted(folder.glob("*")) if path.suffix in SUFFIXES}
    names = {image_id: found[image_id] for image_id in sorted(wanted & found.keys())}
    if not names:
        raise DataUnusable(f"{folder} holds none of the images that {task.table.file} lists.")
    sizes = {image_id: _size(path) for image_id, path in names.items()}
    one_size = set(sizes.values())
    if len(one_size) == 1 and min(one_size.pop()) <= SHORTEST:
        return decode_folder(folder, cache, wanted)
    return _varied(names, sizes, cache)


def _varied(names: dict[str, Path], sizes: dict[str, tuple[int, int]], cache: Path) -> VariedFrames:
    shapes = np.array([_shrunk(size)[::-1] for size in sizes.values()], np.int64)
    listing = cache.with_suffix(".txt")
    lines = zip(names, shapes.tolist(), strict=True)
    text = "\n".join(f"{name} {height} {width}" for name, (height, width) in lines)
    if not (cache.is_file() and listing.is_file() and listing.read_text() == text):
        cache.parent.mkdir(parents=True, exist_ok=True)
        total = int((shapes.prod(axis=1) * 3).sum())
        pixels = np.lib.format.open_memmap(cache, "w+", np.uint8, (total,))
        start = 0
        for path in tqdm(names.values(), desc="decode images", unit="image"):
            with Image.open(path) as image:
                small = image.convert("RGB").resize(
                    _shrunk(image.size), Image.Resampling.LANCZOS, reducing_gap=3
                )
            flat = np.asarray(small, np.uint8).ravel()
            pixels[start : start + flat.size] = flat
            start += flat.size
        pixels.flush()
        listing.write_text(text)
    return VariedFrames(list(names), np.load(cache, mmap_mode="r"), shapes)


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) with a shorter side of at most SHORTEST."""
    scale = min(1.0, SHORTEST / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
