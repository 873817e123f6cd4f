"""Runs an engine over a folder of images; the next batch is decoded while one is judged."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine import Case, Engine, Finding, UnreadableImage

from .labels import Labelled, find_images

SETS = ("set_90", "set_95")


@dataclass(frozen=True)
class Judged:
    """Rows that have an image with their findings, and the names of those that have none."""

    rows: list[Labelled]
    findings: list[Finding]
    missing: list[str]
    unreadable: list[str]
    seconds: float

    @property
    def ms_per_image(self) -> float | None:
        """Wall time from file to finding, in milliseconds."""
        return 1000 * self.seconds / len(self.rows) if self.rows else None


def judge(engine: Engine, rows: Sequence[Labelled], folder: Path) -> Judged:
    """Predict every row whose image lies in `folder`."""
    paths = find_images(folder, rows)
    present = [row for row in rows if row.image in paths]
    judged: list[Labelled] = []
    findings: list[Finding] = []
    unreadable: list[str] = []
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as pool, tqdm(total=len(present), unit="image") as bar:
        for part, squares in _prepared(engine, present, paths, pool):
            readable = [(row, square) for row, square in zip(part, squares, strict=True)]
            cases = [Case(square, row.metadata) for row, square in readable if square is not None]
            findings += engine.predict(cases)
            judged += [row for row, square in readable if square is not None]
            unreadable += [row.image for row, square in readable if square is None]
            bar.update(len(part))
    seconds = time.perf_counter() - started
    missing = [row.image for row in rows if row.image not in paths]
    return Judged(judged, findings, missing, unreadable, seconds)


def write_predictions(path: Path, keys: Sequence[str], judged: Judged) -> None:
    """One row an image: image, p_<class>…, decision, triage, set_90, set_95, declined_reason."""
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(
            ("image", *(f"p_{key}" for key in keys), "decision", "triage", *SETS, "declined_reason")
        )
        for row, found in zip(judged.rows, judged.findings, strict=True):
            writer.writerow(
                (
                    row.image,
                    *(f"{found.probabilities[key]:.6f}" for key in keys),
                    found.decision,
                    found.triage,
                    *(" ".join(found.prediction_sets.get(name[4:], ())) for name in SETS),
                    found.declined_reason or "",
                )
            )


def _prepared(
    engine: Engine,
    rows: Sequence[Labelled],
    paths: dict[str, Path],
    pool: ThreadPoolExecutor,
) -> Iterator[tuple[tuple[Labelled, ...], list[NDArray[np.uint8] | None]]]:
    def prepare(part: tuple[Labelled, ...]) -> list[NDArray[np.uint8] | None]:
        return [_prepare(engine, paths[row.image]) for row in part]

    size = engine.batch_sizes[-1]
    parts = [tuple(rows[start : start + size]) for start in range(0, len(rows), size)]
    ahead = [pool.submit(prepare, part) for part in parts[:1]]
    for number, part in enumerate(parts):
        squares = ahead.pop().result()
        ahead += [pool.submit(prepare, following) for following in parts[number + 1 : number + 2]]
        yield part, squares


def _prepare(engine: Engine, path: Path) -> NDArray[np.uint8] | None:
    try:
        return engine.prepare(path.read_bytes())
    except UnreadableImage:
        return None
