"""From samples to what a person sees: greyscale pipeline, palettes and colour spaces (PS3.3, C.11
and C.7.6.3.1.2; PS3.4, N.2).

Greyscale and palettes are worked out once for every possible stored value, then looked up: exact,
fast, and of bounded memory.
"""

import math
from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from imaging.formats.dicom import tables
from imaging.formats.dicom.pixels import GREYSCALE, PixelHeader, Samples
from imaging.formats.dicom.reading import quiet
from imaging.formats.dicom.tags import text, value
from imaging.formats.refusal import Refused

Values = NDArray[np.float64]


def render(samples: Samples, header: PixelHeader, dataset: Dataset, *, little: bool) -> Image.Image:
    """Return the picture in mode L (greyscale) or RGB, 8 bit, before any ICC profile."""
    if samples.interpretation in GREYSCALE:
        stored = samples.array[..., 0]
        with quiet():
            table = _grey_table(stored, samples, header, dataset, little=little)
        return Image.fromarray(table[stored])
    if samples.interpretation == "PALETTE COLOR":
        with quiet():
            colours, first = tables.palette(dataset, little=little, signed=header.is_signed)
        index = _meant(samples.bits, header.is_signed).astype(np.int64) - first
        table = colours[np.clip(index, 0, len(colours) - 1)]
        return Image.fromarray(table[samples.array[..., 0]])
    array = _to_8_bit(samples)
    if samples.interpretation == "RGB":
        return Image.fromarray(np.ascontiguousarray(array))
    if samples.interpretation.startswith("YBR_PARTIAL"):
        array = _full_range(array)
    # YBR_FULL is JFIF's YCbCr
    return Image.fromarray(np.ascontiguousarray(array), "YCbCr").convert("RGB")


def _to_8_bit(samples: Samples) -> NDArray[np.uint8]:
    top = (1 << samples.bits) - 1
    if top == 255:
        return samples.array.astype(np.uint8)
    levels = (np.arange(top + 1) * 255 + top // 2) // top
    return levels.astype(np.uint8)[samples.array]


def _full_range(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch studio range (16–235, 16–240) to 0–255."""
    level = np.arange(256)
    luma = np.clip(np.rint((level - 16) * 255 / 219), 0, 255).astype(np.uint8)
    chroma = np.clip(np.rint((level - 128) * 255 / 224 + 128), 0, 255).astype(np.uint8)
    return np.stack([luma[array[..., 0]], chroma[array[..., 1]], chroma[array[..., 2]]], axis=-1)


def _meant(bits: int, is_signed: bool) -> Values:
    """The value that each possible bit pattern stands for."""
    values = np.arange(1 << bits, dtype=np.float64)
    if is_signed:
        values[1 << (bits - 1) :] -= 1 << bits
    return values


def _grey_table(
    stored: NDArray[np.unsignedinteger],
    samples: Samples,
    header: PixelHeader,
    dataset: Dataset,
    *,
    little: bool,
) -> NDArray[np.uint8]:
    values = _meant(samples.bits, header.is_signed)
    values = _modality(values, dataset, little=little)
    share = _voi(values, dataset, little=little)
    if share is None:
        share = _stretch(values, stored, samples, dataset)
    levels = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return 255 - levels if samples.interpretation == "MONOCHROME1" else levels


def _modality(values: Values, dataset: Dataset, *, little: bool) -> Values:
    item = _first_item(dataset, "ModalityLUTSequence")
    if item is not None:
        return tables.lookup(item, values, little=little)[0].astype(np.float64)
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    if slope is None or intercept is None or slope == 0:
        return values
    return values * slope + intercept


def _voi(values: Values, dataset: Dataset, *, little: bool) -> Values | None:
    """Return the share of full brightness for each value, or None without LUT and window."""
    item = _first_item(dataset, "VOILUTSequence")
    if item is not None:
        outputs, bits = tables.lookup(item, values, little=little)
        return outputs / ((1 << bits) - 1)
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if centre is None or width is None or width <= 0:
        return None
    function = text(dataset, "VOILUTFunction").upper() or "LINEAR"
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -50, 50)))
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    if width <= 1:
        return (values > centre - 0.5).astype(np.float64)
    return (values - (centre - 0.5)) / (width - 1) + 0.5


def _stretch(
    values: Values,
    stored: NDArray[np.unsignedinteger],
    samples: Samples,
    dataset: Dataset,
) -> Values:
    """Without a window, 8 bits are shown as they are; more are stretched over the values that
    occur, since few devices fill all the bits that they announce."""
    occurs = np.ones(len(values), bool)
    if samples.bits > 8:
        occurs = np.zeros(len(values), bool)
        occurs[stored] = True
        padding = value(dataset, "PixelPaddingValue")
        if isinstance(padding, int) and occurs.sum() > 1:
            occurs[padding & (len(values) - 1)] = False
    low, high = values[occurs].min(), values[occurs].max()
    return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    sequence = value(dataset, keyword)
    if not sequence:
        return None
    item = sequence[0] if isinstance(sequence, Sequence) else None
    if not isinstance(item, Dataset):
        raise Refused("damaged")
    return item


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first value of a number, where it is one and finite."""
    found = value(dataset, keyword)
    if isinstance(found, Sequence) and not isinstance(found, str | bytes):
        found = found[0] if len(found) else None  # several windows: the first is the default
    if not isinstance(found, SupportsFloat):
        return None
    number = float(found)
    return number if math.isfinite(number) and abs(number) < 1e12 else None
