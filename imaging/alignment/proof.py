"""Is a similarity more than chance? Patches of the one picture look for themselves in the other.

Each patch looks around the place that the similarity gives it. By chance few find just that place;
how unlikely the count is decides, a contrario (Moisan & Stival 2004,
doi:10.1023/B:VISI.0000013094.38752.39).
"""

import math
from collections.abc import Callable

import numpy as np

from imaging.alignment.detail import Array, Pyramid, overlap, warped
from imaging.alignment.similarity import Similarity

_PATCH, _REACH = 24, 10  # pixels: of a patch, and how far around it looks
_NEAR = 2.5  # pixels: skin is soft
# The share of patches that find their place by chance, more than it is (0.05 of the places are
# that near), since the similarity was chosen to fit; and how many were tried, in effect.
_BY_CHANCE, _TRIED = 0.1, 1e4
_ALARMS = 1e-3
_LEAST_SHARE = 0.25
_TWO_WAYS = 0.4


def count(
    fixed: Pyramid, moving: Pyramid, onto: Similarity, side: int, check: Callable[[], None]
) -> tuple[int, int]:
    """How many patches of the fixed picture find their own place in the moving one, of how many."""
    still, other = fixed.level(side), moving.beside(fixed, side, onto)
    small = onto.resized(still.factor, other.factor)
    seen = warped(other.detail, small, still.detail.shape)
    common = overlap(still, other, small)
    height, width = still.detail.shape
    found = asked = 0
    for top in range(_REACH, height - _PATCH - _REACH + 1, _PATCH):
        check()
        for left in range(_REACH, width - _PATCH - _REACH + 1, _PATCH):
            rows = slice(top - _REACH, top + _PATCH + _REACH)
            columns = slice(left - _REACH, left + _PATCH + _REACH)
            if common[rows, columns].mean() > 0.98:
                patch = still.detail[top : top + _PATCH, left : left + _PATCH]
                if _is_edge(patch):
                    continue
                asked += 1
                found += _finds(patch, seen[rows, columns])
    return found, asked


def _is_edge(patch: Array) -> bool:
    """Does it vary in one direction only, as an outline or a hair does? It fits anywhere along it.

    By the structure tensor's eigenvalues.
    """
    down, across = np.gradient(patch)
    xx, yy, xy = (across**2).sum(), (down**2).sum(), (across * down).sum()
    spread = math.hypot(xx - yy, 2 * xy)
    return bool(xx + yy - spread < _TWO_WAYS * (xx + yy + spread))


def _finds(patch: Array, around: Array) -> bool:
    """Does a patch correlate best with the middle of what is around it?"""
    windows = np.lib.stride_tricks.sliding_window_view(around, patch.shape)
    both = np.einsum("ijkl,kl->ij", windows, patch - patch.mean())
    squares = np.einsum("ijkl,ijkl->ij", windows, windows) / patch.size
    variance = squares - windows.mean(axis=(2, 3)) ** 2
    score = both / np.sqrt(np.maximum(variance, 1e-6))
    row, column = divmod(int(score.argmax()), score.shape[1])
    return math.hypot(row - _REACH, column - _REACH) <= _NEAR


def false_alarms(found: int, asked: int) -> float:
    """How many similarities as good as this one chance would bring about, at most; up to 1."""
    tail = sum(
        math.comb(asked, each) * _BY_CHANCE**each * (1 - _BY_CHANCE) ** (asked - each)
        for each in range(found, asked + 1)
    )
    return min(_TRIED * tail, 1.0)


def holds(found: int, asked: int) -> bool:
    """Is that more than chance?"""
    return false_alarms(found, asked) <= _ALARMS and found >= _LEAST_SHARE * asked
