"""A loaded model package: a batch of cases in, findings out. Knows nothing of Django.

TensorFlow is imported in `Engine.load`, never before: importing this module is cheap and safe in
any process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference import package as packages
from inference.finding import Case, Finding
from inference.network import limits, posterior, preprocess, saliency, shape
from inference.network.metadata import Metadata
from inference.network.preprocess import UnreadableImage
from inference.network.task import in_words
from inference.package import Package, PackageRefused
from inference.serving import LADDER, Forward, Outputs, Runtime, forwards

__all__ = ["Case", "Engine", "Finding", "Metadata", "PackageRefused", "UnreadableImage"]

MELANOMA = "mel"


@dataclass(frozen=True)
class Spoken:
    """The decision layer's answer to a batch: probabilities (n, k) and what follows from them."""

    fused: NDArray[np.float64]
    image_only: NDArray[np.float64]
    triage_score: NDArray[np.float64]
    decisions: NDArray[np.int64]
    sets: dict[str, NDArray[np.bool_]]
    distances: NDArray[np.float64]
    entropy: NDArray[np.float64]


class Engine:
    """One package, warmed for every batch size of the ladder. `predict` is for one thread.

    `runtime` tells what computes: versions, device, threads.
    """

    def __init__(
        self,
        package: Package,
        likeness: limits.Likeness,
        forwards: dict[int, Forward],
        runtime: Runtime,
    ) -> None:
        self.package = package
        self.runtime = runtime
        self.batch_sizes = tuple(sorted(forwards))
        self._likeness = likeness
        self._forwards = forwards

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1, batch_sizes: Sequence[int] = LADDER) -> Engine:
        """Read the package, build its network and warm it. Raises PackageRefused.

        `threads` are those inside one operation; they hold for the whole process. On a CPU a batch
        size that would only overflow its caches becomes the largest that does not.
        """
        package = packages.read(Path(folder))
        arrays = package.arrays()
        try:
            likeness = limits.Likeness.from_arrays(arrays)
            graphs, runtime = forwards(package, arrays, threads=threads, batch_sizes=batch_sizes)
        except (KeyError, ValueError) as error:
            raise PackageRefused(f"The weights in {folder} do not fit: {error}") from error
        engine = cls(package, likeness, graphs, runtime)
        for size in engine.batch_sizes:
            engine.bare_forward(
                np.zeros((size, package.input_size, package.input_size, 3), np.uint8)
            )
        return engine

    def prepare(self, data: bytes) -> NDArray[np.uint8]:
        """Decode JPEG or PNG bytes to the small frame that `predict` needs; safe in any thread.

        Its shorter side is that of the network's square, and no part is distorted or left out. An
        image too small to be judged keeps its own size, so that `predict` can decline it. Raises
        UnreadableImage.
        """
        smallest = int(self.package.limits["smallest_side"])
        image = preprocess.decode(data, for_size=max(smallest, self.package.input_size))
        if min(image.size) < smallest:
            return np.asarray(image, np.uint8)
        return preprocess.frame(image, self.package.input_size)

    def bare_forward(
        self,
        squares: NDArray[np.uint8],
        known: NDArray[np.float32] | None = None,
        frames: NDArray[np.uint8] | None = None,
    ) -> Outputs:
        """The network's outputs on exactly one batch of the ladder, and nothing around it.

        Squares and squeezed frames are (n, S, S, 3); `network/ensemble.py` tells the outputs.
        """
        if known is None:
            known = self.package.fields.missing(len(squares))
        return self._forwards[len(squares)](squares, known, squares if frames is None else frames)

    def predict(self, cases: Sequence[Case]) -> list[Finding]:
        """A finding for each case, in order.

        One forward pass for as many cases as the largest batch size. Raises ValueError for what is
        no RGB image, UnusableMap when the network's maps cannot be shown.
        """
        frames = [self._frame(case.image) for case in cases]
        findings: list[Finding] = []
        largest = self.batch_sizes[-1]
        for start in range(0, len(cases), largest):
            part = slice(start, start + largest)
            findings += self._findings(
                cases[part], frames[part], self._forward(cases, frames, part)
            )
        return findings

    def _frame(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"Not a uint8 RGB image: {image.dtype} {image.shape}.")
        return preprocess.frame(Image.fromarray(image), self.package.input_size)

    def _forward(
        self, cases: Sequence[Case], frames: Sequence[NDArray[np.uint8]], part: slice
    ) -> Outputs:
        """A batch filled up with black to the next size of the ladder, and cut again."""
        squares = np.stack([preprocess.centre(frame) for frame in frames[part]])
        known = self.package.fields.encode([self._told(case) for case in cases[part]])
        whole = squares
        if self.package.mask:
            whole = np.stack([preprocess.squeezed(frame) for frame in frames[part]])
        count = len(squares)
        spare = next(size for size in self.batch_sizes if size >= count) - count
        outputs = self.bare_forward(*(_padded(rows, spare) for rows in (squares, known, whole)))
        return {name: rows[:count] for name, rows in outputs.items()}

    def _spoken(self, outputs: Outputs) -> Spoken:
        package = self.package
        fused, image_only = (
            posterior.probabilities(
                outputs[name],
                temperature=package.temperature,
                drawn_prior=package.drawn_prior,
                prior=package.prior,
            )
            for name in ("logits", "image_only")
        )
        return Spoken(
            fused=fused,
            image_only=image_only,
            triage_score=posterior.triage_scores(fused, image_only, package.malignant),
            decisions=posterior.decisions(fused, package.prior),
            sets={
                name: posterior.prediction_sets(fused, package.prior, limit)
                for name, limit in sorted(package.manifest.get("sets", {}).items())
            },
            distances=self._likeness.distances(outputs["embedding"]),
            entropy=limits.entropy(fused),
        )

    def _findings(
        self, cases: Sequence[Case], frames: Sequence[NDArray[np.uint8]], outputs: Outputs
    ) -> list[Finding]:
        spoken = self._spoken(outputs)
        return [
            self._finding(row, case, frame, outputs, spoken)
            for row, (case, frame) in enumerate(zip(cases, frames, strict=True))
        ]

    def _finding(
        self,
        row: int,
        case: Case,
        frame: NDArray[np.uint8],
        outputs: Outputs,
        spoken: Spoken,
    ) -> Finding:
        package, keys = self.package, self.package.keys
        probability = spoken.fused[row]
        order = np.argsort(-probability, kind="stable")
        sets = {
            name: [keys[k] for k in order if rows[row, k]] for name, rows in spoken.sets.items()
        }
        mask = _bytes(outputs["mask"][row]) if package.mask else None
        lesion = None if mask is None else preprocess.centre_of_grid(mask, frame)
        quality = limits.measure(preprocess.centre(frame), lesion)
        judgement = limits.judge(
            min(case.image.shape[:2]),
            quality,
            float(spoken.distances[row]),
            float(spoken.entropy[row]),
            package.limits,
            mask=mask,
        )
        code = judgement.declined
        point = package.binding_point
        return Finding(
            probabilities=self._named(probability),
            image_only=self._named(spoken.image_only[row]),
            ranked=[keys[k] for k in order],
            malignant_probability=float(probability[package.malignant].sum()),
            triage_score=float(spoken.triage_score[row]),
            decision=keys[spoken.decisions[row]],
            triage="urgent" if spoken.triage_score[row] >= point.threshold else "routine",
            operating_point=asdict(point),
            operating_points=[asdict(each) for each in package.operating_points],
            prediction_set=sets.get("90"),
            prediction_sets=sets,
            declined_code=code,
            declined_reason=limits.REASONS[code] if code else None,
            limited=judgement.limited,
            quality=asdict(quality),
            saliency=self._map(outputs["maps"][row], keys[order[0]]),
            melanoma_saliency=(
                self._map(outputs["maps"][row], MELANOMA) if MELANOMA in keys else None
            ),
            mask=mask,
            measurements=None if mask is None else _measured(case, frame, mask),
            embedding=_unit(outputs["embedding"][row]),
            embedding_distance=float(spoken.distances[row]),
            metadata_used=package.fields.known(self._told(case)),
            runtime=self.runtime,
        )

    def _told(self, case: Case) -> Metadata:
        """What is known, in the words of the package's task."""
        return in_words(case.metadata, self.package.synonyms)

    def _named(self, probability: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(self.package.keys, map(float, probability), strict=True))

    def _map(self, maps: NDArray[np.float32], key: str) -> NDArray[np.uint8]:
        evidence = saliency.evidence(maps, self.package.keys.index(key))
        return saliency.drawn(evidence, self.package.saliency_scale)


def _padded(rows: NDArray[Any], spare: int) -> NDArray[Any]:
    if spare == 0:
        return rows
    return np.concatenate([rows, np.zeros((spare, *rows.shape[1:]), rows.dtype)])


def _bytes(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(probability, 0, 1) * 255), np.uint8)


def _measured(
    case: Case, frame: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> dict[str, Any] | None:
    measured = shape.measure(frame, mask, size=case.size, pixel_spacing_mm=case.pixel_spacing_mm)
    return None if measured is None else asdict(measured)


def _unit(embedding: NDArray[np.float32]) -> NDArray[np.float16]:
    length = max(float(np.linalg.norm(embedding)), 1e-6)
    return np.asarray(embedding / length, np.float16)
