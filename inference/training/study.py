"""What one training works on: a task's examples, frames and folds, and its runs by name.

Runs are `fold0` … `fold3`, each trained on the other three of these folds, and `member0` …, trained
on everything. Several processes may share a working folder, each doing other runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.network import mobilenet
from inference.network.task import Task

from . import curves, datasets, folds, tables, views
from .config import Config
from .datasets import DataUnusable, Example, Frames
from .fit import Draws, fit

DEVELOPED = tuple(range(folds.TEST_FOLD))


@dataclass(frozen=True)
class Schedule:
    """One warm-up and decay. Starts from the averages in `start`, or from ImageNet's weights."""

    folder: Path
    epochs: int
    learning_rate: float
    seed: int
    start: Path | None


@dataclass(frozen=True)
class Study:
    """`fold` (n,) is that of each example; `fine` holds finer copies of some frames, or nothing."""

    task: Task
    config: Config
    data: Path
    work: Path
    weights: Path
    examples: list[Example]
    coarse: Frames
    fine: Frames
    fold: NDArray[np.int64] = field(repr=False)

    @property
    def masks(self) -> Path | None:
        """The folder of lesion masks, where the data have them."""
        folder = self.data / "masks"
        return folder if folder.is_dir() else None

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.array([row.label for row in self.examples])

    @property
    def groups(self) -> NDArray[np.str_]:
        """What is never parted: lesions, or patients."""
        return np.array([row.lesion_id for row in self.examples])

    @cached_property
    def views(self) -> views.Views:
        """Drawn on first use; all runs read the same ones."""
        stem = mobilenet.stem(self.config.network.size, self.config.network.stem_blocks)
        mobilenet.load_imagenet(stem, self.weights)
        cache = self.work / "cache" / "views.npy"
        return views.make(self.examples, self.coarse, self.fine, stem, self.config, cache)

    def rows(self, run: str) -> NDArray[np.int64]:
        """The examples that a run is trained on. Raises ValueError for a run of no known name."""
        if run.startswith("member") and run[6:].isdigit():
            return np.arange(len(self.examples))
        if run in self.developments:
            own = int(run.removeprefix("fold"))
            return np.flatnonzero((self.fold != own) & (self.fold != folds.TEST_FOLD))
        raise ValueError(f"{run} is no run: {', '.join(self.runs)}.")

    @property
    def developments(self) -> list[str]:
        return [f"fold{number}" for number in DEVELOPED]

    @property
    def members(self) -> list[str]:
        return [f"member{number}" for number in range(self.config.members.count)]

    @property
    def runs(self) -> list[str]:
        return [*self.developments, *self.members]

    def folder(self, run: str) -> Path:
        """Where the finished run's averages are: those of its last schedule."""
        return self.schedules(run)[-1].folder

    def schedules(self, run: str) -> list[Schedule]:
        """What a run goes through: ImageNet, one schedule, a second one with the rate raised again;
        a member takes the averages of a development run through a last one, on all lesions."""
        fit, folder, seed = self.config.fit, self.work / "runs" / run, self.config.seed
        seed += int(run[-1])
        if run.startswith("member"):
            own = self.config.members
            start = self.folder(self.developments[int(run[6:]) % len(self.developments)])
            return [Schedule(folder, own.epochs, own.learning_rate, seed + 100, start)]
        first = Schedule(folder, fit.epochs, fit.learning_rate, seed, None)
        if not fit.restart_epochs:
            return [first]
        again = folder.with_name(f"{run}-again")
        rate = fit.restart_learning_rate
        return [first, Schedule(again, fit.restart_epochs, rate, seed + 50, folder)]


def open_study(data: Path, config: Config, work: Path) -> Study:
    """Read and decode what `data` holds for the configured task. Raises DataUnusable."""
    task = config.task
    examples = tables.read_examples(data, task)
    if absent := set(range(len(task.keys))) - {row.label for row in examples}:
        raise DataUnusable(f"No image of class {task.keys[min(absent)]} is listed.")
    ids = [row.image_id for row in examples]
    coarse = tables.frames(data / "images", work / "cache" / "images.npy", ids, task)
    if missing := [image_id for image_id in ids if image_id not in coarse]:
        raise DataUnusable(
            f"{data / 'images'} lacks {len(missing)} of {len(ids)} images, {missing[0]} first."
        )
    fine = datasets.Frames([], np.empty((0, 0, 0, 3), np.uint8))
    if (data / "images_224").is_dir():
        fine = datasets.decode_folder(data / "images_224", work / "cache" / "images_224.npy", ids)
    return Study(
        task=task,
        config=config,
        data=data,
        work=work,
        weights=encoder_weights(data, config),
        examples=examples,
        coarse=coarse,
        fine=fine,
        fold=_folds(examples, coarse, config, work / "folds.npy"),
    )


def train(study: Study, runs: Sequence[str]) -> None:
    """Do the named runs, or go on with them where they stopped; curves.svg follows."""
    for run in runs:
        for schedule in study.schedules(run):
            config = replace(
                study.config,
                fit=replace(
                    study.config.fit,
                    epochs=schedule.epochs,
                    learning_rate=schedule.learning_rate,
                ),
            )
            draws = Draws(
                study.examples,
                study.rows(run),
                study.views,
                study.task.fields,
                config,
                classes=len(study.task.keys),
                seed=schedule.seed,
            )
            fit(draws, config, study.weights, schedule.folder, start=schedule.start)
            curves.draw(study.work / "runs", study.work / "curves.svg")


def encoder_weights(data: Path, config: Config) -> Path:
    """The folder of ImageNet weights. Raises DataUnusable."""
    named = config.network.encoder_weights
    folder = Path(named) if named else data.parent / "weights" / "mobilenetv2_imagenet"
    if not folder.is_dir():
        raise DataUnusable(f"{folder} is missing: training starts from ImageNet weights.")
    return folder


def _folds(
    examples: Sequence[Example], frames: Frames, config: Config, record: Path
) -> NDArray[np.int64]:
    if record.is_file():
        known = np.load(record)
        if len(known) != len(examples):
            raise DataUnusable(f"{record} belongs to other data: name another folder.")
        return np.asarray(known, np.int64)
    alike = folds.near_duplicates(frames, [row.image_id for row in examples])
    assigned = folds.assign(examples, seed=config.seed, alike=alike)
    record.parent.mkdir(parents=True, exist_ok=True)
    part = record.with_suffix(f".{os.getpid()}.npy")
    np.save(part, assigned)
    part.replace(record)
    return assigned
