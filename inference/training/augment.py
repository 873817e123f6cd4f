"""Makes one training square out of a frame: other crops, cameras, light and compression.

Resolution must never tell the class: `fine_draws` takes the finer copy of a lesion with the same
probability in every class, although the classes have different shares of such copies.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inference.network.classes import KEYS
from inference.network.preprocess import FILTER

from . import overlays
from .config import Augment
from .datasets import Example, Frames

SYMMETRIES: tuple[Image.Transpose | None, ...] = (None, *Image.Transpose)


def fine_draws(examples: Sequence[Example], fine: Frames, share: float) -> NDArray[np.float64]:
    """The chance of each example to be drawn from `fine`: `share` over each whole class."""
    has = np.array([row.image_id in fine for row in examples], np.float64)
    labels = np.array([row.label for row in examples])
    chance = np.zeros(len(examples))
    for label in range(len(KEYS)):
        members = labels == label
        if has[members].any():
            chance[members] = has[members] * min(1.0, share / has[members].mean())
    return chance


def draw(
    frame: Image.Image, size: int, settings: Augment, rng: np.random.Generator
) -> NDArray[np.float32]:
    """One augmented square, shape (size, size, 3), RGB 0–255."""
    image = frame.resize((size, size), FILTER, box=_crop(frame, settings, rng))
    symmetry = SYMMETRIES[rng.integers(len(SYMMETRIES))]
    if symmetry is not None:
        image = image.transpose(symmetry)
    for chance, lay in (
        (settings.hair, overlays.hairs),
        (settings.ruler, overlays.ruler),
        (settings.rim, overlays.rim),
    ):
        if rng.random() < chance:
            image = lay(image, rng)
    if rng.random() < settings.blur:
        image = _lose_detail(image, rng)
    if rng.random() < settings.jpeg:
        image = _compress(image, rng)
    return relight(np.asarray(image, np.uint8), settings, rng)


def relight(
    pixels: NDArray[np.uint8], settings: Augment, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Other lamps and sensors: gains per channel, gamma, contrast, saturation, uneven light."""
    gain = np.exp(rng.normal(0, settings.colour, 3)) * _about_one(settings.light, rng)
    if rng.random() < settings.constancy:
        gain /= cast(pixels)
    levels = np.linspace(0, 1, 256)[:, None] * gain
    curve = (np.clip(levels, 0, 1) ** _about_one(settings.light, rng)).astype(np.float32)
    lit = np.stack([curve[pixels[..., channel], channel] for channel in range(3)], axis=-1)
    contrast, saturation = _about_one(settings.light, rng), _about_one(settings.saturation, rng)
    mean = lit.mean((0, 1))
    mixed = contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
    lit = (lit - mean) @ mixed.astype(np.float32) + mean
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(-1, 1, pixels.shape[0])
    slope = np.cos(angle) * ramp[:, None] + np.sin(angle) * ramp[None, :]
    fall = rng.uniform(0, settings.gradient) / np.sqrt(2)
    lit *= (255 * (1 + fall * slope)).astype(np.float32)[..., None]
    return np.clip(lit, 0, 255, out=lit)


def cast(pixels: NDArray[np.uint8], power: int = 6) -> NDArray[np.float64]:
    """The light's colour, mean 1, as shades of grey estimate it (Finlayson and Trezzi 2004)."""
    levels = np.asarray(pixels[::4, ::4], np.float64).reshape(-1, 3) / 255
    norm = (levels**power).mean(axis=0) ** (1 / power) + 1e-3
    return np.asarray(norm / norm.mean())


def _crop(
    frame: Image.Image, settings: Augment, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    width, height = frame.size
    if rng.random() < settings.whole_frame:
        return 0.0, 0.0, float(width), float(height)
    side = rng.uniform(*settings.crop) * height
    stretch = np.exp(rng.uniform(-settings.aspect, settings.aspect) / 2)
    across, down = min(side * stretch, width), min(side / stretch, height)
    # The lesion lies near the centre: a crop wanders, but keeps the middle of the frame.
    left = (width - across) / 2 + rng.uniform(-0.5, 0.5) * min(width - across, 0.35 * height)
    top = (height - down) / 2 + rng.uniform(-0.5, 0.5) * (height - down)
    return left, top, left + across, top + down


def _lose_detail(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    if rng.random() < 0.5:
        return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    side = int(image.width * rng.uniform(0.45, 0.9))
    return image.resize((side, side), FILTER).resize(image.size, FILTER)


def _compress(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=int(rng.integers(35, 95)))
    return Image.open(data).convert("RGB")


def _about_one(width: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(-width, width)))
