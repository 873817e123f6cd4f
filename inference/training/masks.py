"""Teaches the decoder of `network/mask.py` where a lesion lies; the stem stays as it is.

Every frame is drawn into a few views, whole and cropped, with its mask under the same geometry;
the stem's maps of them are computed once. Colour and light are changed more than for the classes:
an outline must stand another centre's camera, and lesions larger than the frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from tqdm import tqdm

from inference.network.mask import CELLS, REDUCTION, decoder, encoder
from inference.network.preprocess import FILTER

from . import overlays
from .augment import SYMMETRIES, relight
from .config import Augment
from .datasets import Frames

CHUNK = 64


@dataclass(frozen=True)
class MaskFit:
    """How the decoder is trained. `views` of each image, the first one the whole frame."""

    size: int = 160
    seed: int = 7
    views: int = 3
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 0.995
    closest: float = 0.45  # side of the smallest crop, in sides of the frame
    farthest: float = 1.25  # of the largest, which reaches beyond the frame
    widest: float = 0.35  # largest log stretch: 4:3 frames are squeezed into a square


def louder(augment: Augment) -> Augment:
    """The classes' augmentation with stronger changes of colour and light."""
    return replace(augment, colour=0.12, light=0.25, saturation=0.35, gradient=0.25)


@dataclass(frozen=True)
class MaskViews:
    """`maps` (views, side, side, 32) float16 of the stem, `cells` (views, 2·side, 2·side) uint8.

    A cell holds the share of it that lies in the lesion, 0–255. The views of one image follow one
    another, `each` of them.
    """

    maps: NDArray[np.float16]
    cells: NDArray[np.uint8]
    each: int


def read_mask(folder: Path, image_id: str) -> Image.Image:
    """The 8-bit mask of an image of HAM10000. Raises FileNotFoundError."""
    with Image.open(folder / f"{image_id}_segmentation.png") as mask:
        return mask.convert("L")


def make_views(
    stem: keras.Model,
    frames: Frames,
    masks: Path,
    image_ids: Sequence[str],
    augment: Augment,
    settings: MaskFit,
    cache: Path,
) -> MaskViews:
    """All views of the named images; the stem's maps lie in the file `cache`, made anew."""
    encode = encoder(stem)
    side = settings.size // REDUCTION
    count = len(image_ids) * settings.views
    cache.parent.mkdir(parents=True, exist_ok=True)
    shape = (count, side, side, encode.output_shape[-1])
    maps = np.lib.format.open_memmap(cache, "w+", np.float16, shape)
    cells = np.empty((count, CELLS * side, CELLS * side), np.uint8)
    squares = np.empty((CHUNK, settings.size, settings.size, 3), np.float32)
    bar = tqdm(total=count, desc="mask views", unit="view", mininterval=5)
    done = 0
    for index, (square, mask) in enumerate(
        _draws(frames, masks, image_ids, louder(augment), settings)
    ):
        squares[index - done] = square
        cells[index] = np.asarray(mask.resize(cells.shape[1:], Image.Resampling.BOX))
        if index + 1 - done == CHUNK or index + 1 == count:
            # A last batch of the same size is not compiled again.
            maps[done : index + 1] = encode.predict_on_batch(squares)[: index + 1 - done]
            bar.update(index + 1 - done)
            done = index + 1
    bar.close()
    maps.flush()
    return MaskViews(np.load(cache, mmap_mode="r"), cells, settings.views)


def fit(views: MaskViews, settings: MaskFit) -> keras.Model:
    """The decoder after a fixed schedule, with averaged weights; one view an image an epoch."""
    keras.utils.set_random_seed(settings.seed)
    batches = _Batches(views, settings)
    model = decoder(settings.size // REDUCTION)
    steps = settings.epochs * len(batches)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            settings.learning_rate / 50,
            max(1, steps - steps // 20),
            warmup_target=settings.learning_rate,
            warmup_steps=max(1, steps // 20),
        ),
        weight_decay=settings.weight_decay,
        clipnorm=5.0,
        use_ema=True,
        ema_momentum=settings.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, loss, jit_compile=False)
    model.fit(batches, epochs=settings.epochs, shuffle=False, verbose=0)
    optimizer.finalize_variable_values(model.trainable_variables)
    return model


def loss(wanted: Any, logits: Any) -> Any:
    """Cross-entropy of the cells plus soft Dice of each image (Milletari et al. 2016)."""
    found = ops.sigmoid(logits)
    entropy = ops.mean(ops.binary_crossentropy(wanted, logits, from_logits=True), axis=(1, 2, 3))
    both = ops.sum(wanted * found, axis=(1, 2, 3))
    either = ops.sum(wanted + found, axis=(1, 2, 3))
    return entropy + 1 - (2 * both + 1) / (either + 1)


def arrays(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    """What a package stores of the decoder: `mask/` and the path of each weight."""
    return {f"mask/{variable.path}": np.asarray(variable) for variable in model.variables}


class _Batches(keras.utils.PyDataset):
    def __init__(self, views: MaskViews, settings: MaskFit) -> None:
        super().__init__()
        self.views, self.batch = views, settings.batch
        self.rng = np.random.default_rng((settings.seed, 1))
        self.images = len(views.maps) // views.each
        self.on_epoch_end()

    def __len__(self) -> int:
        return max(1, self.images // self.batch)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = np.sort(self.rows[index * self.batch : (index + 1) * self.batch])
        wanted = np.asarray(self.views.cells[rows][..., None], np.float32) / np.float32(255)
        return np.asarray(self.views.maps[rows], np.float32), wanted

    def on_epoch_end(self) -> None:
        order = self.rng.permutation(self.images)
        self.rows = order * self.views.each + self.rng.integers(self.views.each, size=self.images)


def _draws(
    frames: Frames, masks: Path, image_ids: Sequence[str], augment: Augment, settings: MaskFit
) -> Iterator[tuple[NDArray[np.float32], Image.Image]]:
    for image_id in image_ids:
        frame, mask = frames[image_id], read_mask(masks, image_id)
        if mask.size != frame.size:
            mask = mask.resize(frame.size, Image.Resampling.BOX)
        for view in range(settings.views):
            rng = np.random.default_rng((settings.seed, crc32(image_id.encode()), view))
            yield draw(frame, mask, augment, settings, rng, whole=view == 0)


def draw(
    frame: Image.Image,
    mask: Image.Image,
    augment: Augment,
    settings: MaskFit,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> tuple[NDArray[np.float32], Image.Image]:
    """One view, (size, size, 3) RGB 0–255, and its mask under the same geometry, 0–255."""
    size = (settings.size, settings.size)
    box = (0.0, 0.0, float(frame.width), float(frame.height))
    if not whole:
        frame, mask, box = _zoomed(frame, mask, settings, rng)
    image = frame.resize(size, FILTER, box=box)
    mask = mask.resize(size, Image.Resampling.BOX, box=box)
    symmetry = SYMMETRIES[rng.integers(len(SYMMETRIES))]
    if symmetry is not None:
        image, mask = image.transpose(symmetry), mask.transpose(symmetry)
    if rng.random() < augment.hair:
        image = overlays.hairs(image, rng)
    if rng.random() < augment.ruler:
        image = overlays.ruler(image, rng)
    if rng.random() < 2 * augment.rim:
        image, mask = _rimmed(image, mask, rng)
    if rng.random() < augment.blur:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    return relight(np.asarray(image, np.uint8), augment, rng), mask


def _zoomed(
    frame: Image.Image, mask: Image.Image, settings: MaskFit, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image, tuple[float, float, float, float]]:
    """A crop anywhere in the frame, or one that reaches beyond it, into its mirror image."""
    scale = math.exp(rng.uniform(math.log(settings.closest), math.log(settings.farthest)))
    stretch = math.exp(rng.uniform(-settings.widest, settings.widest) / 2)
    across, down = scale * stretch, scale / stretch
    margin = max(0.0, max(across, down) - 1)
    if margin:
        wide, high = math.ceil(margin * frame.width), math.ceil(margin * frame.height)
        frame, mask = _mirrored(frame, wide, high), _mirrored(mask, wide, high)
        across, down = across / (1 + 2 * margin), down / (1 + 2 * margin)
    left = rng.uniform(0, 1 - min(across, 1)) * frame.width
    top = rng.uniform(0, 1 - min(down, 1)) * frame.height
    right = min(left + across * frame.width, float(frame.width))
    bottom = min(top + down * frame.height, float(frame.height))
    return frame, mask, (left, top, right, bottom)


def _mirrored(image: Image.Image, wide: int, high: int) -> Image.Image:
    pixels = np.asarray(image)
    edges = [(high, high), (wide, wide), *[(0, 0)] * (pixels.ndim - 2)]
    return Image.fromarray(np.pad(pixels, edges, mode="reflect"))


def _rimmed(
    image: Image.Image, mask: Image.Image, rng: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Dark corners, which no outline enters: what they hide of the lesion is taken from it."""
    state = rng.bit_generator.state
    lit = overlays.rim(Image.new("RGB", image.size, (255, 255, 255)), rng)
    rng.bit_generator.state = state
    image = overlays.rim(image, rng)
    open_ = lit.convert("L").point(lambda level: 255 if level > 127 else 0)
    return image, Image.composite(mask, Image.new("L", mask.size, 0), open_)
