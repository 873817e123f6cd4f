"""Runs an engine over a folder of images; the next batch is decoded while one is judged.

Thousands of images pass through without being held: of each finding its figures are kept, not its
maps.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.engine import Case, Engine, Finding, UnreadableImage
from inference.network.metadata import Metadata

from .labels import SUFFIXES, Labelled, find_images

SETS = ("set_90", "set_95")
NOTHING: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Judged:
    """Rows that have an image with their findings, and the names of those that have none.

    Findings come without maps, mask and embedding; `masks` holds the masks by image name, where
    they were asked for and the package draws any.
    """

    rows: list[Labelled]
    findings: list[Finding]
    missing: list[str]
    unreadable: list[str]
    seconds: float
    masks: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def ms_per_image(self) -> float | None:
        """Wall time from file to finding, in milliseconds."""
        return 1000 * self.seconds / len(self.rows) if self.rows else None


def judge(
    engine: Engine,
    rows: Sequence[Labelled],
    folder: Path,
    *,
    missing: float = 0.0,
    seed: int = 0,
    keep_masks: bool = False,
) -> Judged:
    """Predict every row whose image lies in `folder`.

    `missing` is the share of metadata fields hidden from the network, drawn with `seed`.
    """
    paths = find_images(folder, rows)
    present = [row for row in rows if row.image in paths]
    shown = hide([row.metadata for row in present], missing, seed)
    judged: list[Labelled] = []
    findings: list[Finding] = []
    unreadable: list[str] = []
    masks: dict[str, NDArray[np.uint8]] = {}
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as pool, tqdm(total=len(present), unit="image") as bar:
        for start, images in _prepared(engine, [paths[row.image] for row in present], pool):
            part = present[start : start + len(images)]
            unreadable += [
                row.image for row, image in zip(part, images, strict=True) if image is None
            ]
            cases = [
                (row, Case(image, known))
                for row, image, known in zip(part, images, shown[start:], strict=False)
                if image is not None
            ]
            found = engine.predict([case for _, case in cases])
            judged += [row for row, _ in cases]
            findings += [light(one) for one in found]
            if keep_masks:
                masks |= {
                    row.image: one.mask
                    for (row, _), one in zip(cases, found, strict=True)
                    if one.mask is not None
                }
            bar.update(len(images))
    return Judged(
        rows=judged,
        findings=findings,
        missing=[row.image for row in rows if row.image not in paths],
        unreadable=unreadable,
        seconds=time.perf_counter() - started,
        masks=masks,
    )


def listed(folder: Path) -> list[Labelled]:
    """A row without label or metadata for each image of `folder`."""
    names = sorted(path.stem for path in folder.iterdir() if path.suffix in SUFFIXES)
    return [Labelled(name, name, None, Metadata()) for name in dict.fromkeys(names)]


def hide(known: Sequence[Metadata], share: float, seed: int = 0) -> list[Metadata]:
    """The same people with each field forgotten with probability `share`, drawn with `seed`."""
    names = [field.name for field in fields(Metadata)]
    hidden = np.random.default_rng(seed).random((len(known), len(names))) < share
    return [
        replace(row, **dict.fromkeys(np.array(names)[gone].tolist()))
        for row, gone in zip(known, hidden, strict=True)
    ]


def light(found: Finding) -> Finding:
    """The finding without its maps, mask and embedding, which are most of its size."""
    return replace(found, saliency=NOTHING, melanoma_saliency=None, mask=None, embedding=None)


def write_predictions(path: Path, keys: Sequence[str], judged: Judged) -> None:
    """One row an image: image, p_<class>…, decision, triage, set_90, set_95, declined_reason.

    After these: triage_score, limited (codes), p_image_only_<class>….
    """
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(
            (
                "image",
                *(f"p_{key}" for key in keys),
                "decision",
                "triage",
                *SETS,
                "declined_reason",
                "triage_score",
                "limited",
                *(f"p_image_only_{key}" for key in keys),
            )
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
                    f"{found.triage_score:.6f}",
                    " ".join(found.limited),
                    *(f"{found.image_only[key]:.6f}" for key in keys),
                )
            )


def _prepared(
    engine: Engine, paths: Sequence[Path], pool: ThreadPoolExecutor
) -> Iterator[tuple[int, list[NDArray[np.uint8] | None]]]:
    """Where each batch starts and its images, one batch decoded ahead of the one judged."""

    def prepare(start: int) -> list[NDArray[np.uint8] | None]:
        return [_prepare(engine, path) for path in paths[start : start + size]]

    size = engine.batch_sizes[-1]
    starts = range(0, len(paths), size)
    ahead = [pool.submit(prepare, start) for start in starts[:1]]
    for number, start in enumerate(starts):
        images = ahead.pop().result()
        ahead += [pool.submit(prepare, after) for after in starts[number + 1 : number + 2]]
        yield start, images


def _prepare(engine: Engine, path: Path) -> NDArray[np.uint8] | None:
    try:
        return engine.prepare(path.read_bytes())
    except (UnreadableImage, OSError):
        return None
