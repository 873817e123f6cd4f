"""The network as it is served: one stem, several members, the symmetries of the square, one mask.

Every image is shown in all eight positions of the square and every member answers for each; what
they say is averaged, and maps are turned back before. The same features answer a second time with
the metadata masked, which costs the gate and the head only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from . import classifier, mask as masks, mobilenet
from .mobilenet import STEM_BLOCKS

ALL_SYMMETRIES = 8
_EITHER = (False, True)
POSITIONS = tuple(product(_EITHER, _EITHER, _EITHER))


def positions(images: Any, count: int) -> Any:
    """(n, h, h, c) to (count·n, h, h, c): all n in the first position, then all in the next.

    A position is (transposed, upside down, mirrored); the first one is none of it.
    """
    shown = []
    for transposed, down, mirrored in POSITIONS[:count]:
        image = ops.transpose(images, (0, 2, 1, 3)) if transposed else images
        axes = [axis for axis, turned in ((1, down), (2, mirrored)) if turned]
        shown.append(ops.flip(image, axis=axes) if axes else image)
    return ops.concatenate(shown, axis=0) if count > 1 else images


def in_image_space(maps: Any, count: int) -> Any:
    """The mean over positions of (count·n, h, h, c), each turned back, (n, h, h, c)."""
    if count == 1:
        return maps
    turned = []
    for (transposed, down, mirrored), part in zip(
        POSITIONS[:count], ops.split(maps, count, axis=0), strict=True
    ):
        axes = [axis for axis, is_turned in ((1, down), (2, mirrored)) if is_turned]
        back = ops.flip(part, axis=axes) if axes else part
        turned.append(ops.transpose(back, (0, 2, 1, 3)) if transposed else back)
    return sum(turned[1:], turned[0]) / count


def over_positions(values: Any, count: int) -> Any:
    """The mean over positions of (count·n, c), (n, c)."""
    if count == 1:
        return values
    return ops.mean(ops.reshape(values, (count, -1, values.shape[-1])), axis=0)


@dataclass(frozen=True)
class Ensemble:
    """The parts of a package's network, and how they answer together."""

    stem: keras.Model
    members: tuple[keras.Model, ...]
    decoder: keras.Model | None
    eye: keras.Model  # as much of the stem as the decoder looks through
    symmetries: int

    @property
    def parts(self) -> dict[str, keras.Model]:
        """The parts by the first word of their weights' names in a package."""
        named = {"stem": self.stem}
        named |= {f"member{number}": member for number, member in enumerate(self.members)}
        return named | ({} if self.decoder is None else {"mask": self.decoder})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All weights by their names in a package: `stem/<path>`, `member0/<path>`, …"""
        return {
            f"{name}/{weight.path}": np.asarray(weight)
            for name, part in self.parts.items()
            for weight in part.weights
        }

    def assign(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """The inverse of `arrays`. Raises KeyError, ValueError for a missing or unfitting array."""
        for name, part in self.parts.items():
            for weight in part.weights:
                weight.assign(arrays[f"{name}/{weight.path}"])

    def __call__(self, image: Any, known: Any, masked: Any, frame: Any = None) -> dict[str, Any]:
        """What the package says of n images.

        In:  `image` (n, S, S, 3) RGB 0–255, `known` and `masked` (n, width) metadata, the second
             with nothing known; `frame` (n, S, S, 3), the whole frame squeezed, for the mask only.
        Out: "logits" and "image_only" (n, k), "maps" (n, h, w, k), class activation maps whose mean
             is the logit without its bias, "embedding" (n, 1280), and "mask" (n, S/4, S/4), the
             lesion's probability over the frame, where the package draws one.
        """
        count = self.symmetries
        seen = self.stem(positions(ops.cast(image, "float32"), count), training=False)
        repeated = [ops.tile(rows, (count, 1)) for rows in (known, masked)]
        sums: dict[str, Any] = {}
        for member in self.members:
            said = member({"maps": seen, "metadata": repeated[0]}, training=False)
            image_only, _ = classifier.answer(member, said["top"], repeated[1])
            answers = {name: said[name] for name in ("logits", "maps", "embedding")}
            for name, value in {**answers, "image_only": image_only}.items():
                sums[name] = sums[name] + value if name in sums else value
        share = 1 / len(self.members)
        outputs = {
            name: over_positions(sums[name] * share, count)
            for name in ("logits", "image_only", "embedding")
        }
        outputs["maps"] = in_image_space(sums["maps"] * share, count)
        if self.decoder is not None:
            outputs["mask"] = self._mask(frame)
        return outputs

    def _mask(self, frame: Any) -> Any:
        assert self.decoder is not None
        seen = self.eye(positions(ops.cast(frame, "float32"), self.symmetries), training=False)
        drawn = ops.sigmoid(self.decoder(seen, training=False))
        return in_image_space(drawn, self.symmetries)[..., 0]


def build(
    *,
    size: int,
    width: int,
    classes: int,
    members: int,
    symmetries: int,
    mask: bool = False,
    fusion: str = "metablock",
    stem_blocks: int = STEM_BLOCKS,
) -> Ensemble:
    """The untrained network of a package; `symmetries` is 1 or 8. Raises ValueError, KeyError."""
    if symmetries not in (1, ALL_SYMMETRIES):
        raise ValueError(f"{symmetries} symmetries: a square has {ALL_SYMMETRIES}, or 1 is shown")
    stem = eye = mobilenet.stem(size, stem_blocks)
    if stem_blocks != STEM_BLOCKS:
        # The decoder was taught on the maps of so many blocks, however deep the members begin.
        within = stem.get_layer(f"linearbottleneck{STEM_BLOCKS - 1}_add").output if mask else None
        eye = keras.Model(stem.inputs, within) if mask else stem
    return Ensemble(
        stem=stem,
        members=tuple(
            classifier.member(
                side=size // mobilenet.reduction(stem_blocks),
                width=width,
                classes=classes,
                fusion=fusion,
                stem_blocks=stem_blocks,
            )
            for _ in range(members)
        ),
        decoder=masks.decoder(size // mobilenet.reduction()) if mask else None,
        eye=eye,
        symmetries=symmetries,
    )
