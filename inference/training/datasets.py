"""Labelled images and their decoded frames. Which table they come from: see tables.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from inference.network.metadata import Metadata

TABLE = "HAM10000_metadata.csv"


class DataUnusable(Exception):
    """A file or folder that training needs is not there, or not as it must be."""


@dataclass(frozen=True)
class Example:
    """One labelled image: `label` is an index into `classes.KEYS`, or None when not known."""

    image_id: str
    lesion_id: str
    label: int | None
    metadata: Metadata


def lesion_weights(examples: Sequence[Example]) -> NDArray[np.float64]:
    """One weight an image, so that every lesion counts once however often it was photographed."""
    images = Counter(row.lesion_id for row in examples)
    return np.array([1 / images[row.lesion_id] for row in examples])


class Frames:
    """Decoded images of one folder in one uint8 array on disk, shape (n, height, width, 3)."""

    def __init__(self, ids: Sequence[str], pixels: NDArray[np.uint8]) -> None:
        self.row_of = {image_id: row for row, image_id in enumerate(ids)}
        self.pixels = pixels

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, an array on disk travels as its name."""
        if isinstance(self.pixels, np.memmap):
            return _reopened, (list(self.row_of), str(self.pixels.filename))
        return Frames, (list(self.row_of), self.pixels)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self.row_of

    def __getitem__(self, image_id: str) -> Image.Image:
        return Image.fromarray(self.pixels[self.row_of[image_id]])


def _reopened(ids: Sequence[str], cache: str) -> Frames:
    return Frames(ids, np.load(cache, mmap_mode="r"))


def decode_folder(folder: Path, cache: Path, wanted: Iterable[str]) -> Frames:
    """The wanted images of `folder` that are there, decoded once into `cache`.

    Raises DataUnusable without any, and when they are not of one size.
    """
    names = {path.stem: path for path in folder.glob("*.jpg")} if folder.is_dir() else {}
    ids = sorted(names.keys() & set(wanted))
    if not ids:
        raise DataUnusable(f"{folder} holds none of the images that the table lists.")
    listing = cache.with_suffix(".txt")
    if cache.is_file() and listing.is_file() and listing.read_text().split() == ids:
        return Frames(ids, np.load(cache, mmap_mode="r"))
    with Image.open(names[ids[0]]) as first:
        width, height = first.size
    cache.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.lib.format.open_memmap(cache, "w+", np.uint8, (len(ids), height, width, 3))
    for row, image_id in enumerate(tqdm(ids, desc=f"decode {folder.name}", unit="image")):
        with Image.open(names[image_id]) as image:
            if image.size != (width, height):
                raise DataUnusable(f"{names[image_id]} is not {width}×{height} like the others.")
            pixels[row] = np.asarray(image.convert("RGB"))
    pixels.flush()
    listing.write_text("\n".join(ids))
    return Frames(ids, pixels)
