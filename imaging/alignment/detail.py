"""A picture as its fine detail, at several sizes: what two images of one skin have in common."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.alignment.similarity import Similarity

Array = NDArray[np.float32]

FINE, BROAD = 0.9, 5.0  # standard deviations in pixels: detail is what is in between
_CLIP = 2.5  # a hair is no more than a spot
_DARKEST = 0.14  # of full light: around a round field of view it is darker
_RIM = 2
_BARE = 0.1  # of the detail's own strength: less is rounding
_LITTLE = np.float32(0.05)
_LARGEST = 3  # times the fixed picture's size
_ALMOST = 0.9  # of a pixel that was resampled is known


@dataclass(frozen=True)
class Level:
    """A picture at one size: `detail` (h, w) about 0, `known` (h, w) 1 where there is skin.

    `factor`: this size over the picture's own.
    """

    detail: Array
    known: Array
    factor: float

    @property
    def is_bare(self) -> bool:
        """Is there nothing in it that could be found again?"""
        return bool(np.abs(self.detail).max() < _BARE)


class Pyramid:
    """A picture's levels, each made once."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture.convert("RGB")
        self.size = self._picture.size
        self.longer = max(self.size)
        self._levels: dict[int, Level] = {}

    def level(self, side: float) -> Level:
        """With a longer side of so many pixels."""
        whole = round(side)
        if whole not in self._levels:
            self._levels[whole] = self._make(whole)
        return self._levels[whole]

    def beside(self, fixed: "Pyramid", side: int, onto: Similarity) -> Level:
        """At the scale at which it lies over `fixed`, whose longer side has `side` pixels.

        So the detail of both is of the same size on the skin, whatever the magnification.
        """
        own = side * onto.scale * self.longer / fixed.longer
        return self.level(min(own, _LARGEST * side))

    def _make(self, side: int) -> Level:
        factor = side / self.longer
        width, height = (max(8, round(each * factor)) for each in self.size)
        filtered = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
        small = self._picture.resize((width, height), filtered)
        rgb = np.asarray(small, np.float32) / np.float32(255)
        # Pigment and blood are darkest in green and blue, and light that falls off adds in logs.
        dark = -np.log((rgb[..., 1] + rgb[..., 2]) / 2 + _LITTLE)
        known = _skin(rgb)
        return Level(_detail(dark, known), known, factor)


def _skin(rgb: Array) -> Array:
    """1 where a pixel shows skin, 0 in the black around a round field of view and at the rim."""
    light = np.asarray(rgb.max(axis=2) > _DARKEST, np.float32)
    known = np.asarray(_blur(light, 2.0) > _ALMOST, np.float32)
    known[:_RIM] = known[-_RIM:] = 0
    known[:, :_RIM] = known[:, -_RIM:] = 0
    return known


def _detail(dark: Array, known: Array) -> Array:
    """What is between two sizes, over its own strength around: all of the skin counts alike."""

    def smooth(field: Array, sigma: float) -> Array:
        return np.divide(_blur(field * known, sigma), np.maximum(_blur(known, sigma), _LITTLE))

    band = (smooth(dark, FINE) - smooth(dark, BROAD)) * known
    strength = np.sqrt(smooth(band**2, 2 * BROAD) + 1e-4)
    return np.asarray(np.clip(band / strength, -_CLIP, _CLIP) * known, np.float32)


def _blur(field: Array, sigma: float) -> Array:
    """Gaussian, edges mirrored."""
    reach = max(1, math.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (reach, reach)
        wide = np.pad(field, pads, mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(wide, len(kernel), axis=axis)
        field = np.asarray(windows @ kernel, np.float32)
    return field


def warped(field: Array, onto: Similarity, shape: tuple[int, ...]) -> Array:
    """A field as it lies in a frame (h, w) after a similarity; 0 outside of it."""
    back = onto.inverse()
    a, b = back.turned
    seen = Image.fromarray(field).transform(
        (shape[1], shape[0]),
        Image.Transform.AFFINE,
        (a, -b, back.dx, b, a, back.dy),
        Image.Resampling.BILINEAR,
        fillcolor=0.0,
    )
    return np.asarray(seen, np.float32)


def overlap(fixed: Level, moving: Level, onto: Similarity) -> NDArray[np.bool_]:
    """Where both pictures show skin, in the frame of the fixed one."""
    there = warped(moving.known, onto, fixed.known.shape) > _ALMOST
    return there & (fixed.known > 0)
