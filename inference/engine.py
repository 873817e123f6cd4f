"""A loaded model package: a batch of cases in, findings out. Knows nothing of Django.

TensorFlow is imported in `Engine.load`, never before: importing this module is cheap and safe in
any process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference import package as packages
from inference.network import limits, metadata, posterior
from inference.network.metadata import Metadata
from inference.network.preprocess import UnreadableImage, decode, square
from inference.package import Package, PackageRefused

__all__ = ["Case", "Engine", "Finding", "Metadata", "PackageRefused", "UnreadableImage"]

logger = logging.getLogger(__name__)

LADDER = (1, 2, 4, 8, 16)

Forward = Callable[
    [NDArray[np.uint8], NDArray[np.float32]],
    tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
]


@dataclass(frozen=True)
class Case:
    """A uint8 RGB image (h, w, 3), of any size or as `Engine.prepare` gives it, with metadata."""

    image: NDArray[np.uint8]
    metadata: Metadata = field(default_factory=Metadata)


@dataclass(frozen=True)
class Finding:
    """What the network says of one case. A declined case has figures too, with the reason.

    `decision` is the class that the image speaks for most, argmax of p / prior, and may differ
    from `ranked[0]`, the most probable one. `saliency` is the class activation map of `ranked[0]`,
    uint8 (h, w), 255 at its strongest evidence. `prediction_set` is the one of 90 % coverage.
    """

    probabilities: dict[str, float]
    ranked: list[str]
    malignant_probability: float
    decision: str
    triage: str
    operating_point: dict[str, Any]
    prediction_set: list[str] | None
    declined_reason: str | None
    saliency: NDArray[np.uint8]
    embedding_distance: float
    metadata_used: dict[str, float | str]
    declined_code: str | None = None
    prediction_sets: dict[str, list[str]] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)


class Engine:
    """One package, warmed for every batch size of the ladder. `predict` is for one thread."""

    def __init__(
        self, package: Package, likeness: limits.Likeness, forwards: dict[int, Forward]
    ) -> None:
        self.package = package
        self.batch_sizes = tuple(sorted(forwards))
        self._likeness = likeness
        self._forwards = forwards

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1, batch_sizes: Sequence[int] = LADDER) -> Engine:
        """Read the package, build its network and warm it. Raises PackageRefused.

        `threads` are those inside one operation; they hold for the whole process.
        """
        package = packages.read(Path(folder))
        arrays = package.arrays()
        try:
            likeness = limits.Likeness.from_arrays(arrays)
            forwards = _forwards(package, arrays, threads=threads, batch_sizes=batch_sizes)
        except (KeyError, ValueError) as error:
            raise PackageRefused(f"The weights in {folder} do not fit: {error}") from error
        engine = cls(package, likeness, forwards)
        for size in engine.batch_sizes:
            engine.bare_forward(
                np.zeros((size, package.input_size, package.input_size, 3), np.uint8)
            )
        return engine

    def prepare(self, data: bytes) -> NDArray[np.uint8]:
        """Decode JPEG or PNG bytes to the square that the network sees; safe in any thread.

        An image too small to be judged keeps its own size, so that `predict` can decline it.
        Raises UnreadableImage.
        """
        smallest = int(self.package.limits["smallest_side"])
        image = decode(data, for_size=max(smallest, self.package.input_size))
        if min(image.size) < smallest:
            return np.asarray(image, np.uint8)
        return square(image, self.package.input_size)

    def bare_forward(
        self, squares: NDArray[np.uint8], known: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Logits, maps and embedding of exactly one batch of the ladder, and nothing around it."""
        if known is None:
            known = metadata.encode([Metadata()] * len(squares))
        return self._forwards[len(squares)](squares, known)

    def predict(self, cases: Sequence[Case]) -> list[Finding]:
        """A finding for each case, in order: one forward pass for up to 16 cases."""
        squares = [self._square(case.image) for case in cases]
        known = metadata.encode([case.metadata for case in cases])
        findings: list[Finding] = []
        largest = self.batch_sizes[-1]
        for start in range(0, len(cases), largest):
            part = slice(start, min(start + largest, len(cases)))
            outputs = self._padded(np.stack(squares[part]), known[part])
            findings += self._findings(cases[part], squares[part], *outputs)
        return findings

    def _square(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"Not a uint8 RGB image: {image.dtype} {image.shape}.")
        size = self.package.input_size
        if image.shape == (size, size, 3):
            return image
        return square(Image.fromarray(image), size)

    def _padded(
        self, squares: NDArray[np.uint8], known: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        count = len(squares)
        size = next(size for size in self.batch_sizes if size >= count)
        if size > count:
            squares = np.concatenate([squares, np.zeros((size - count, *squares.shape[1:]), "u1")])
            known = np.concatenate([known, np.zeros((size - count, known.shape[1]), "f4")])
        logits, maps, embedding = self._forwards[size](squares, known)
        return logits[:count], maps[:count], embedding[:count]

    def _findings(
        self,
        cases: Sequence[Case],
        squares: Sequence[NDArray[np.uint8]],
        logits: NDArray[np.float32],
        maps: NDArray[np.float32],
        embedding: NDArray[np.float32],
    ) -> list[Finding]:
        package = self.package
        probability = posterior.probabilities(
            logits,
            temperature=package.temperature,
            drawn_prior=package.drawn_prior,
            prior=package.prior,
        )
        decisions = posterior.decisions(probability, package.prior)
        malignant = probability[:, package.malignant].sum(axis=1)
        distances = self._likeness.distances(embedding)
        sets = {
            name: posterior.prediction_sets(probability, package.prior, limit)
            for name, limit in sorted(package.manifest.get("sets", {}).items())
        }
        point = package.operating_points[0]
        keys = package.keys
        findings = []
        for row, case in enumerate(cases):
            quality = limits.measure(squares[row])
            side = min(case.image.shape[:2])
            code = limits.reason(side, quality, float(distances[row]), package.limits)
            order = np.argsort(-probability[row], kind="stable")
            named = {name: [keys[k] for k in order if rows[row, k]] for name, rows in sets.items()}
            findings.append(
                Finding(
                    probabilities=dict(zip(keys, map(float, probability[row]), strict=True)),
                    ranked=[keys[k] for k in order],
                    malignant_probability=float(malignant[row]),
                    decision=keys[decisions[row]],
                    triage="urgent" if malignant[row] >= point.threshold else "routine",
                    operating_point=asdict(point),
                    prediction_set=named.get("90"),
                    declined_reason=limits.REASONS[code] if code else None,
                    saliency=heat(maps[row, :, :, order[0]]),
                    embedding_distance=float(distances[row]),
                    metadata_used=case.metadata.known(),
                    declined_code=code,
                    prediction_sets=named,
                    quality=asdict(quality),
                )
            )
        return findings


def heat(activation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Where an activation map (h, w) speaks for its class: positive evidence only, to 0–255."""
    positive = np.clip(activation, 0, None)
    return np.asarray(np.rint(positive * (255 / max(float(positive.max()), 1e-9))), np.uint8)


def _forwards(
    package: Package,
    arrays: dict[str, NDArray[np.float32]],
    *,
    threads: int,
    batch_sizes: Sequence[int],
) -> dict[int, Forward]:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        logger.info("TensorFlow is running already: its number of threads stays as it is.")

    import keras
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from inference.network.classifier import build

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("A package is served on TensorFlow: set KERAS_BACKEND=tensorflow.")
    network = build(size=package.input_size, classes=len(package.classes))
    for variable in network.variables:
        variable.assign(arrays[variable.path])

    def forward(images: Any, known: Any) -> Any:
        outputs = network({"image": tf.cast(images, tf.float32), "metadata": known}, training=False)
        return outputs["logits"], outputs["maps"], outputs["embedding"]

    def compiled(size: int) -> Forward:
        side = package.input_size
        # One concrete graph a size, so that nothing is traced while serving; with its weights as
        # constants TensorFlow folds each normalisation into its convolution, a fifth of the time.
        signature = (
            tf.TensorSpec((size, side, side, 3), tf.uint8),
            tf.TensorSpec((size, metadata.WIDTH), tf.float32),
        )
        frozen = convert_variables_to_constants_v2(
            tf.function(forward, autograph=False).get_concrete_function(*signature)
        )
        # A frozen function has lost its signature: called from Python, it would write out all
        # pixels in an error message before it tries another way. So a graph calls it.
        function = tf.function(frozen, autograph=False).get_concrete_function(*signature)

        def run(images: NDArray[np.uint8], known: NDArray[np.float32]) -> Any:
            outputs = function(tf.constant(images), tf.constant(known))
            return tuple(output.numpy() for output in outputs)

        return run

    return {size: compiled(size) for size in batch_sizes}
