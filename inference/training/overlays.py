"""What lies over the skin in a clinic's images: hairs, rulers, the dark rim of a dermoscope."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

GRAIN = 2  # drawn this many times finer, then averaged: hairs are thinner than a pixel


def hairs(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to a dozen curved hairs of one colour, from black to blond, over an RGB square."""
    side = image.width * GRAIN
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    for _ in range(int(rng.integers(2, 13))):
        start, angle = rng.uniform(0, side, 2), rng.uniform(0, 2 * np.pi)
        bend, length = rng.normal(0, 0.6), rng.uniform(0.3, 1.2) * side
        steps = np.linspace(0, 1, 12)
        turn = angle + bend * steps
        path = start + length * steps[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        width = max(1, round(side / 160 * rng.uniform(0.5, 1.6)))
        pen.line([tuple(point) for point in path], fill=int(rng.integers(140, 256)), width=width)
    mask = mask.resize(image.size, Image.Resampling.BOX)
    colour = np.clip(np.array([60, 42, 30]) * rng.uniform(0.1, 2.2), 0, 255)
    return _laid(image, mask, colour)


def ruler(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The scale of a dermoscope along one side: ticks, every fifth or tenth longer."""
    side = image.width * GRAIN
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    gap, depth = rng.uniform(0.03, 0.09) * side, rng.uniform(0.02, 0.06) * side
    edge, every = rng.uniform(0.0, 0.2) * side, int(rng.choice([5, 10]))
    width = max(1, round(side / 160 * rng.uniform(0.6, 1.2)))
    for index, at in enumerate(np.arange(rng.uniform(0, gap), side, gap)):
        length = depth * (1.8 if index % every == 0 else 1.0)
        pen.line([(at, edge), (at, edge + length)], fill=230, width=width)
    turned = mask.resize(image.size, Image.Resampling.BOX).rotate(90 * int(rng.integers(4)))
    return _laid(image, turned, np.full(3, rng.choice([15.0, 240.0], p=[0.8, 0.2])))


def rim(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The dark corners outside the round lens."""
    side = image.width
    centre, radius = side / 2 + rng.uniform(-0.06, 0.06, 2) * side, rng.uniform(0.5, 0.72) * side
    mask = Image.new("L", (side, side), 255)
    box = [*(centre - radius), *(centre + radius)]
    ImageDraw.Draw(mask).ellipse([float(edge) for edge in box], fill=0)
    soft = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 0.03 * side)))
    return _laid(image, soft, np.full(3, rng.uniform(0, 25)))


def _laid(image: Image.Image, mask: Image.Image, colour: NDArray[np.float64]) -> Image.Image:
    shade = Image.new("RGB", image.size, tuple(int(level) for level in colour))
    return Image.composite(shade, image, mask)
