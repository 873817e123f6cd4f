"""Five folds that share no lesion, no patient where patients are known, and no near-duplicate.

Four are developed on; the last is only predicted, by the pipeline that is served.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .datasets import Example, Frames

FOLDS = 5
TEST_FOLD = FOLDS - 1
HASH_SIDE = 16
ALIKE = 12  # differing bits of 256: copies of one photograph, scaled, recompressed or re-lit


def assign(
    examples: Sequence[Example], *, seed: int, alike: Iterable[tuple[int, int]] = ()
) -> NDArray[np.int64]:
    """The fold of each example, shape (n,), stratified by class; the same seed, the same folds.

    `alike` holds pairs of rows that must lie in one fold although their groups differ.
    """
    parent: dict[str, str] = {}

    def root(group: str) -> str:
        while (above := parent.setdefault(group, group)) != group:
            group = above
        return group

    for one, other in alike:
        first, second = sorted((root(examples[one].lesion_id), root(examples[other].lesion_id)))
        parent[second] = first
    members: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        members[root(example.lesion_id)].append(row)
    by_class: dict[int, list[str]] = defaultdict(list)
    for group in sorted(members):
        # A group of several classes counts as its rarest: those are the ones to spread evenly.
        labels = {examples[row].label or 0 for row in members[group]}
        by_class[min(labels, key=lambda label: _size(examples, label))].append(group)
    rng = np.random.default_rng(seed)
    fold = np.empty(len(examples), np.int64)
    start = 0
    for label in sorted(by_class):
        groups = [by_class[label][index] for index in rng.permutation(len(by_class[label]))]
        for place, group in enumerate(groups, start=start):
            fold[members[group]] = place % FOLDS
        start += len(groups)  # the next class goes on where this one ended: even totals
    return fold


def _size(examples: Sequence[Example], label: int) -> int:
    return sum(row.label == label for row in examples)


def near_duplicates(frames: Frames, image_ids: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of rows whose difference hashes (Krawetz 2013) are nearly the same."""
    bits = np.stack([_hash(frames[image_id]) for image_id in image_ids])
    signs = bits.astype(np.float32) * 2 - 1
    nearest = bits.shape[1] - 2 * ALIKE
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(signs), 1024):
        same = signs[start : start + 1024] @ signs.T
        for row, other in np.argwhere(same >= nearest):
            if start + row < other:
                pairs.append((int(start + row), int(other)))
    return pairs


def _hash(image: Image.Image) -> NDArray[np.bool_]:
    small = image.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, np.int16)
    return np.asarray(grey[:, 1:] > grey[:, :-1]).ravel()


def counts(
    examples: Sequence[Example], fold: NDArray[np.int64], keys: Sequence[str]
) -> list[Mapping[str, int]]:
    """Lesions of each class in each fold, for the record."""
    return [
        {
            key: len(
                {
                    row.lesion_id
                    for row, its in zip(examples, fold, strict=True)
                    if its == number and row.label == label
                }
            )
            for label, key in enumerate(keys)
        }
        for number in range(FOLDS)
    ]


def fingerprint(examples: Sequence[Example], fold: NDArray[np.int64]) -> str:
    """SHA-256 over "image id, fold", sorted, one a line: which fold each image was in."""
    lines = sorted(f"{row.image_id} {its}" for row, its in zip(examples, fold, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
