"""What trained members say of images, as they are served: symmetries and stored precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.network import ensemble, limits, mobilenet
from inference.network.ensemble import Ensemble
from inference.network.limits import Likeness, Quality
from inference.network.preprocess import square

from .calibrate import OutOfFold
from .fit import load_averaged
from .study import DEVELOPED, Study

BATCH = 16
LIKENESS_IMAGES = 400  # of each class: enough for its mean and for the common covariance

Outputs = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Said:
    """Outputs for n images: "logits", "image_only" (n, k), "embedding" (n, c); their quality."""

    outputs: Outputs
    quality: list[Quality]


def served(study: Study, runs: Sequence[str], symmetries: int) -> Ensemble:
    """The trained members of `runs` behind one stem, in the precision that a package stores."""
    config = study.config.network
    together = ensemble.build(
        size=config.size,
        width=study.task.fields.width,
        classes=len(study.task.keys),
        members=len(runs),
        symmetries=symmetries,
        fusion=config.fusion,
        stem_blocks=config.stem_blocks,
    )
    mobilenet.load_imagenet(together.stem, study.weights)
    for run, member in zip(runs, together.members, strict=True):
        load_averaged(member, study.folder(run))
    for part in together.parts.values():
        for weight in part.weights:
            value = np.asarray(weight)
            weight.assign(value.astype(np.float16) if value.ndim > 1 else value)
    return together


def say(
    study: Study, together: Ensemble, rows: NDArray[np.int64], *, fine: NDArray[np.bool_], name: str
) -> Outputs:
    """Outputs for the examples named in `rows`; from the finer copy where `fine` says so."""
    fields, size = study.task.fields, study.config.network.size
    through = _compiled(together, size, fields.width)
    masked = fields.missing(BATCH)
    parts: list[Outputs] = []
    for start in tqdm(range(0, len(rows), BATCH), desc=name, unit="batch", mininterval=5):
        part = slice(start, start + BATCH)
        squares = [
            square((study.fine if finer else study.coarse)[study.examples[row].image_id], size)
            for row, finer in zip(rows[part], fine[part], strict=True)
        ]
        known = fields.encode([study.examples[row].metadata for row in rows[part]])
        missing = BATCH - len(squares)
        images = np.pad(np.stack(squares), [(0, missing), (0, 0), (0, 0), (0, 0)])
        outputs = through(images, np.pad(known, [(0, missing), (0, 0)]), masked)
        parts.append({key: value[: len(squares)] for key, value in outputs.items()})
    return {key: np.concatenate([one[key] for one in parts]) for key in parts[0]}


def fit_likeness(study: Study, together: Ensemble, rows: NDArray[np.int64]) -> Likeness:
    """Class means of the embeddings of some of the training images, coarse and fine."""
    rng = np.random.default_rng(study.config.seed)
    labels = study.labels[rows]
    chosen = np.concatenate(
        [
            rng.permutation(rows[labels == label])[:LIKENESS_IMAGES]
            for label in range(len(study.task.keys))
        ]
    )
    # Both resolutions are familiar to the network, so both must be to the limit.
    has = np.array([study.examples[row].image_id in study.fine for row in chosen])
    fine = has & (rng.random(len(chosen)) < 0.5)
    outputs = say(study, together, chosen, fine=fine, name="likeness")
    return limits.fit_likeness(outputs["embedding"], study.labels[chosen], len(study.task.keys))


def out_of_fold(study: Study, symmetries: int) -> OutOfFold:
    """Every image of the developed folds, said by the member that never saw its group."""
    pieces = [_piece(study, number, symmetries) for number in DEVELOPED]
    rows = np.concatenate([np.flatnonzero(study.fold == number) for number in DEVELOPED])
    return OutOfFold(
        logits=np.concatenate([said.outputs["logits"] for said, _ in pieces]),
        image_only_logits=np.concatenate([said.outputs["image_only"] for said, _ in pieces]),
        distances=np.concatenate([distances for _, distances in pieces]),
        labels=study.labels[rows],
        lesions=study.groups[rows],
        folds=study.fold[rows],
        quality=[one for said, _ in pieces for one in said.quality],
    )


def _piece(study: Study, number: int, symmetries: int) -> tuple[Said, NDArray[np.float64]]:
    """One fold's outputs and distances, kept in the working folder once they are there."""
    run = f"fold{number}"
    rows = np.flatnonzero(study.fold == number)
    kept = study.work / "out_of_fold" / f"{run}-{symmetries}.npz"
    if not kept.is_file():
        together = served(study, [run], symmetries)
        likeness = fit_likeness(study, together, study.rows(run))
        outputs = say(study, together, rows, fine=np.zeros(len(rows), bool), name=run)
        distances = likeness.distances(outputs["embedding"])
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, allow_pickle=False, distances=distances, **outputs)
    with np.load(kept) as saved:
        outputs = {name: saved[name] for name in saved.files}
    size = study.config.network.size
    quality = [
        limits.measure(square(study.coarse[study.examples[row].image_id], size)) for row in rows
    ]
    return Said(outputs, quality), outputs.pop("distances").astype(np.float64)


def _compiled(together: Ensemble, size: int, width: int) -> Callable[..., Outputs]:
    if keras.backend.backend() != "tensorflow":
        return lambda *inputs: _arrays(together(*inputs))
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    words = tf.TensorSpec((BATCH, width), tf.float32)
    function = tf.function(together.__call__, autograph=False).get_concrete_function(
        tf.TensorSpec((BATCH, size, size, 3), tf.uint8), words, words
    )
    frozen = convert_variables_to_constants_v2(function)
    names = sorted(function.structured_outputs)
    return lambda *inputs: _arrays(dict(zip(names, frozen(*map(tf.constant, inputs)), strict=True)))


def _arrays(outputs: dict[str, Any]) -> Outputs:
    return {
        name: np.asarray(value)
        for name, value in outputs.items()
        if name in ("logits", "image_only", "embedding")
    }
