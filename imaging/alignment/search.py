"""The similarities under which two pictures' detail correlates best: a search, and a refinement."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from imaging.alignment.detail import Array, Level, Pyramid, overlap, warped
from imaging.alignment.similarity import Similarity

_SIDE = 60  # pixels of the longer side
_ANGLES = np.arange(0, 360, 7.5)
_SCALES = 1.1 ** np.arange(-7.0, 8.0)  # 0.51 to 1.95
_LEAST_OVERLAP = 0.3  # of the smaller picture
_CANDIDATES = 16
_UNLIKE = 4  # pixels of _SIDE
_PEAKS, _PEAK_REACH = 2, 3
_ROUNDS = 12
_SMALLEST, _GREATEST = 0.4, 2.5  # steps of the refinement beyond these lead nowhere
_FEWEST = 64  # pixels in common

Check = Callable[[], None]


def candidates(fixed: Pyramid, moving: Pyramid, check: Check) -> list[Similarity]:
    """The best similarities of the grid, best first, unlike each other.

    The moving picture is turned and scaled, and each time correlated with the fixed one at every
    shift at once, with what lies outside of either picture left out (Padfield 2012,
    doi:10.1109/TIP.2011.2181402). None where a picture shows nothing. `check` is called between
    the steps.
    """
    still = fixed.level(_SIDE)
    if still.is_bare or moving.level(_SIDE).is_bare:
        return []
    found: list[tuple[float, Similarity]] = []
    for scale in _SCALES:
        onto = Similarity(float(scale) * fixed.longer / moving.longer, 0, 0, 0)
        other = moving.beside(fixed, _SIDE, onto)
        for value, small in _of_scale(still, other, check):
            found.append((value, small.resized(1 / still.factor, 1 / other.factor)))
    return unlike(found, moving, _UNLIKE / still.factor)


def _of_scale(still: Level, other: Level, check: Check) -> Iterator[tuple[float, Similarity]]:
    side = math.ceil(math.hypot(*other.detail.shape))
    height, width = still.detail.shape
    shape = (_fast(height + side), _fast(width + side))
    detail_f, square_f, known_f = (
        np.fft.rfft2(field, shape) for field in (still.detail, still.detail**2, still.known)
    )
    least = max(_LEAST_OVERLAP * min(still.known.sum(), other.known.sum()), 1)
    for degrees in _ANGLES:
        check()
        turn = _about_centre(float(degrees), other.detail.shape, side)
        known = np.asarray(warped(other.known, turn, (side, side)) > 0.9, np.float32)
        detail = warped(other.detail, turn, (side, side)) * known
        detail_m, square_m, known_m = np.conj(
            np.fft.rfft2(np.stack([detail, detail**2, known]), shape)
        )
        both, power_f, power_m, common = np.fft.irfft2(
            np.stack(
                [detail_f * detail_m, square_f * known_m, known_f * square_m, known_f * known_m]
            ),
            shape,
        )
        # A correlation over little skin is worth less: chance alone brings large ones about.
        worth = both / np.sqrt(np.maximum(power_f * power_m, 1e-6))
        worth *= np.sqrt(np.maximum(common, 0))
        worth[common < least] = -1
        for row, column in _peaks(worth):
            dy = row - shape[0] if row > height else row
            dx = column - shape[1] if column > width else column
            small = Similarity(1.0, float(degrees), turn.dx + dx, turn.dy + dy)
            yield float(worth[row, column]), small


def _about_centre(degrees: float, shape: tuple[int, ...], side: int) -> Similarity:
    """A turn of a frame (h, w) that puts its centre in the middle of a square."""
    x, y = Similarity(1.0, degrees, 0, 0).at(shape[1] / 2, shape[0] / 2)
    return Similarity(1.0, degrees, side / 2 - x, side / 2 - y)


def _fast(size: int) -> int:
    """The next size that a Fourier transform is quick at."""
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1


def _peaks(worth: Array) -> Iterator[tuple[int, int]]:
    left = worth.copy()
    for _each in range(_PEAKS):
        row, column = divmod(int(left.argmax()), left.shape[1])
        yield row, column
        rows = slice(max(row - _PEAK_REACH, 0), row + _PEAK_REACH + 1)
        left[rows, max(column - _PEAK_REACH, 0) : column + _PEAK_REACH + 1] = -1


def unlike(found: list[tuple[float, Similarity]], moving: Pyramid, far: float) -> list[Similarity]:
    """The best first, each `far` pixels away, somewhere, from those before it."""
    width, height = moving.size
    points = [(x * width, y * height) for x in (0.25, 0.75) for y in (0.25, 0.75)]
    kept: list[tuple[Similarity, NDArray[np.float64]]] = []
    for _score, each in sorted(found, key=lambda scored: -scored[0]):
        there = np.array([each.at(*point) for point in points])
        if all(np.abs(there - other).max() > far for _known, other in kept):
            kept.append((each, there))
            if len(kept) == _CANDIDATES:
                break
    return [each for each, _there in kept]


def refined(
    fixed: Pyramid, moving: Pyramid, start: Similarity, side: int, check: Check
) -> tuple[float, Similarity]:
    """How well the best similarity near `start` fits, and that one.

    The correlation's maximum is climbed by the enhanced correlation coefficient's steps
    (Evangelidis & Psarakis 2008, doi:10.1109/TPAMI.2008.113), at a size of `side` pixels.
    """
    still, other = fixed.level(side), moving.beside(fixed, side, start)
    small = start.resized(still.factor, other.factor)
    worth, better = _climb(still, other, small, check)
    return worth, better.resized(1 / still.factor, 1 / other.factor)


def _climb(fixed: Level, moving: Level, now: Similarity, check: Check) -> tuple[float, Similarity]:
    rows, columns = np.gradient(moving.detail)
    down, across = np.asarray(rows, np.float32), np.asarray(columns, np.float32)
    shape = fixed.detail.shape
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) + 0.5
    best = (-1.0, now)
    for _round in range(_ROUNDS):
        check()
        common = overlap(fixed, moving, now)
        if common.sum() < _FEWEST:
            break
        seen = _centred(warped(moving.detail, now, shape)[common])
        target = _centred(fixed.detail[common])
        lengths = float(np.linalg.norm(seen) * np.linalg.norm(target))
        worth = float(seen @ target) / max(lengths, 1e-9) * math.sqrt(common.sum())
        if worth > best[0]:
            best = (worth, now)
        gx, gy = (warped(field, now, shape)[common] for field in (across, down))
        px, py = x[common], y[common]
        # How the moving picture changes with a, b, dx and dy of the way back into it.
        slopes = np.stack([gx * px + gy * py, gy * px - gx * py, gx, gy], axis=1)
        step = _step(slopes - slopes.mean(axis=0), seen, target)
        back = now.inverse()
        a, b, dx, dy = np.array([*back.turned, back.dx, back.dy]) + step
        if not _SMALLEST < math.hypot(a, b) < _GREATEST:
            break
        now = Similarity.of(a, b, dx, dy).inverse()
        if np.abs(step[2:]).max() < 0.01 and np.abs(step[:2]).max() * shape[1] < 0.02:
            break
    return best


def _centred(values: Array) -> Array:
    return values - values.mean()


def _step(slopes: Array, seen: Array, target: Array) -> NDArray[np.float64]:
    normal = slopes.T @ slopes + 1e-3 * np.eye(4, dtype=np.float32)
    solved = np.linalg.solve(normal, slopes.T @ np.stack([target, seen], axis=1))
    rest = slopes @ solved[:, 1]
    above, below = float(seen @ seen - seen @ rest), float(target @ seen - target @ rest)
    gain = above / below if below > 0 else 1.0
    return np.asarray(solved[:, 0] * gain - solved[:, 1], np.float64)
