"""Short runs that each answer one question about the recipe, compared in pairs out of fold.

Only the last three bottlenecks, gate and head are trained, on what ImageNet's other blocks make of
the views that are stored already. So a run takes minutes, and what it tells holds for a network
that learned this much: the order of two ways may change in a longer one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.evaluation import compare, metrics
from inference.network import limits, mobilenet
from inference.network.fusion import FUSIONS
from inference.network.preprocess import square

from . import imbalance
from .config import Config
from .fit import Draws, fit
from .study import Study

BLOCKS = 14
EPOCHS = 8
BATCH = 64
MISSING = (0, 30, 70, 100)  # percent of the metadata fields
PASS = 256

Array = NDArray[np.float64]
Maps = NDArray[np.float16]


@dataclass(frozen=True)
class Trial:
    """One way to train. Classes named in `left_out` are shown to no network."""

    imbalance: str = "sampler"
    fusion: str = "metablock"
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        parts = (self.imbalance, self.fusion, *self.left_out)
        return "-".join(part.replace(" ", "_") for part in parts)

    def config(self, whole: Config) -> Config:
        network = replace(whole.network, stem_blocks=BLOCKS, fusion=self.fusion)
        changed = replace(whole.fit, imbalance=self.imbalance, epochs=EPOCHS, batch=BATCH)
        return replace(whole, network=network, fit=changed)


BASE = Trial()


def questions(left_out: Sequence[str]) -> dict[str, list[Trial]]:
    """What is asked, and the trials that answer beside BASE."""
    return {
        "imbalance": [Trial(imbalance=way) for way in imbalance.WAYS if way != BASE.imbalance],
        "fusion": [Trial(fusion=way) for way in FUSIONS if way != BASE.fusion],
        "left out": [Trial(left_out=tuple(left_out))] if left_out else [],
    }


class Trials:
    """The maps that all trials share, and what each trial said of the folds it did not see."""

    def __init__(self, study: Study, numbers: Sequence[int]) -> None:
        self.study, self.numbers = study, tuple(numbers)
        self.folder = study.work / "trials"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.views = study.views
        if study.config.network.stem_blocks < BLOCKS:
            deeper = self._kept("views", len(study.views.maps), self._deeper)
            self.views = replace(study.views, maps=deeper)
        self.plain = self._kept("plain", len(study.examples), self._squares)
        self.rows = np.concatenate([np.flatnonzero(study.fold == one) for one in self.numbers])

    def run(self, trial: Trial) -> dict[str, Array]:
        """{"0", "30", "70", "100": logits (n, k) with so much missing, "distance": (n,)} of `rows`.

        Kept in the working folder: what was run once is read.
        """
        folds = "".join(map(str, self.numbers))
        kept = self.folder / f"{trial.name}-{folds}.npz"
        if not kept.is_file():
            parts = [self._fold(trial, number) for number in self.numbers]
            said = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            np.savez(kept, allow_pickle=False, **said)
        with np.load(kept) as saved:
            return {name: saved[name].astype(np.float64) for name in saved.files}

    def _fold(self, trial: Trial, number: int) -> dict[str, NDArray[Any]]:
        study, config = self.study, trial.config(self.study.config)
        out = np.isin(study.task.keys, trial.left_out)
        rows = study.rows(f"fold{number}")
        rows = rows[~out[study.labels[rows]]]
        draws = Draws(
            study.examples,
            rows,
            self.views,
            study.task.fields,
            config,
            classes=len(study.task.keys),
            seed=config.seed + 300 + number,
        )
        network = fit(draws, config, study.weights, self.folder / f"{trial.name}-fold{number}")
        familiar = np.unique(study.labels[rows], return_inverse=True)[1]
        likeness = limits.fit_likeness(
            self._say(network, rows, 0)["embedding"], familiar, int(familiar.max()) + 1
        )
        held = np.flatnonzero(study.fold == number)
        said = {percent: self._say(network, held, percent) for percent in MISSING}
        # The network's own prior goes out here, so that ways with different draws can be compared.
        plan = draws.plan.prior
        shift = np.log(np.where(plan > 0, plan, 1)).astype(np.float32)
        found = {str(percent): said[percent]["logits"] - shift for percent in MISSING}
        for logits in found.values():
            logits[:, out] = -np.inf
        return {**found, "distance": likeness.distances(said[0]["embedding"])}

    def _say(
        self, network: keras.Model, rows: NDArray[np.int64], percent: int
    ) -> dict[str, NDArray[np.float32]]:
        fields = self.study.task.fields
        known = fields.encode([self.study.examples[row].metadata for row in rows])
        rng = np.random.default_rng((self.study.config.seed, percent))
        known = fields.drop(known, rng, each=percent / 100)
        wanted = keras.Model(
            network.input, {name: network.output[name] for name in ("logits", "embedding")}
        )
        said = wanted.predict(
            {"maps": self.plain[rows].astype(np.float32), "metadata": known},
            batch_size=PASS,
            verbose=0,
        )
        return {name: np.asarray(value) for name, value in said.items()}

    def _kept(self, name: str, total: int, make: Callable[[], Iterator[Any]]) -> Maps:
        """`total` maps that `make` yields in pieces, computed once into the working folder."""
        path = self.folder / f"{name}.npy"
        if not path.is_file():
            side = self.study.config.network.size // mobilenet.reduction(BLOCKS)
            shape = (total, side, side, mobilenet.CHANNELS[BLOCKS - 1])
            part = path.with_suffix(".part.npy")
            maps, done = np.lib.format.open_memmap(part, "w+", np.float16, shape), 0
            with tqdm(total=total, desc=f"{name} maps", unit="view", mininterval=5) as bar:
                for piece in make():
                    maps[done : done + len(piece)] = piece
                    done += len(piece)
                    bar.update(len(piece))
            maps.flush()
            part.replace(path)
        return np.load(path, mmap_mode="r")

    def _deeper(self) -> Iterator[NDArray[np.float32]]:
        config, stored = self.study.config.network, self.study.views.maps
        side = config.size // mobilenet.reduction(config.stem_blocks)
        trunk = mobilenet.trunk(side, config.stem_blocks)
        mobilenet.load_imagenet(trunk, self.study.weights)
        last = trunk.get_layer(f"linearbottleneck{BLOCKS - 1}_batchnorm2").output
        through = keras.Model(trunk.input, last)
        for start in range(0, len(stored), PASS):
            maps = np.asarray(stored[start : start + PASS], np.float32)
            yield np.asarray(through.predict_on_batch(maps))

    def _squares(self) -> Iterator[NDArray[np.float32]]:
        size = self.study.config.network.size
        stem = mobilenet.stem(size, BLOCKS)
        mobilenet.load_imagenet(stem, self.study.weights)
        images = [row.image_id for row in self.study.examples]
        for start in range(0, len(images), PASS):
            part = images[start : start + PASS]
            squares = np.stack([square(self.study.coarse[one], size) for one in part])
            yield np.asarray(stem.predict_on_batch(squares.astype(np.float32)))


def answer(study: Study, numbers: Sequence[int], left_out: Sequence[str] = ()) -> dict[str, Any]:
    """The questions' answers on the folds `numbers`, intervals over lesions.

    {"imbalance": {way: {"balanced_accuracy", "against": to the sampler}},
     "fusion": {way: {percent missing: {"balanced_accuracy", "against": to MetaBlock}}},
     "left out": {"classes", "n", "auc": {"distance", "entropy", "both"}}}.
    """
    trials, asked = Trials(study, numbers), questions(left_out)
    truth, units = study.labels[trials.rows], study.groups[trials.rows]

    def compared(trial: Trial, percent: int) -> dict[str, Any]:
        own, base = (
            compare.balanced_accuracy(
                truth, trials.run(one)[str(percent)].argmax(axis=1), len(study.task.keys)
            )
            for one in (trial, BASE)
        )
        weights = metrics.unit_weights(units, seed=study.config.seed)
        found = {"balanced_accuracy": _range(float(own(np.ones((1, len(units))))[0]), own(weights))}
        if trial != BASE:
            gap = compare.paired(units, base, own, seed=study.config.seed)
            found["against"] = {"value": gap.value, "low": gap.low, "high": gap.high}
        return found

    answers: dict[str, Any] = {
        "folds": list(trials.numbers),
        "imbalance": {one.imbalance: compared(one, 0) for one in [BASE, *asked["imbalance"]]},
        "fusion": {
            one.fusion: {str(percent): compared(one, percent) for percent in MISSING}
            for one in [BASE, *asked["fusion"]]
        },
    }
    for trial in asked["left out"]:
        answers["left out"] = _unseen(study, trials, trial)
    return answers


def _unseen(study: Study, trials: Trials, trial: Trial) -> dict[str, Any]:
    """How well the images of classes that the network never saw are told from the others."""
    said = trials.run(trial)
    kept = ~np.isin(study.task.keys, trial.left_out)
    strange = ~kept[study.labels[trials.rows]]
    logits = said["0"][:, kept]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    doubt = limits.entropy(shares / shares.sum(axis=1, keepdims=True))
    distance = said["distance"]
    # An equal say, by the spread of each over familiar images.
    scale = distance[~strange].std() / doubt[~strange].std()
    weights = metrics.unit_weights(study.groups[trials.rows], seed=study.config.seed)
    scores = {"distance": distance, "entropy": doubt, "both": distance + scale * doubt}
    return {
        "classes": list(trial.left_out),
        "n": int(strange.sum()),
        "auc": {
            name: _range(
                metrics.auc(strange, score), metrics.resampled_auc(strange, score, weights)
            )
            for name, score in scores.items()
        },
    }


def _range(value: float | None, drawn: Array) -> dict[str, float | None]:
    low, high = metrics.spread(drawn) or (None, None)
    return {"value": value, "low": low, "high": high}
