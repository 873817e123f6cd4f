"""MobileNetV2 (Sandler et al. 2018), width 1.0, as an image encoder with ImageNet weights.

Layer order, padding and names follow the GluonCV model, whose published weights it loads.
"""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
from keras import layers

PREFIX = "mobilenetv20_features_"
STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
CHANNELS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
FEATURES = 1280
STEM_BLOCKS = 6
STEM_CHANNELS = CHANNELS[STEM_BLOCKS - 1]
MIDDLE_BLOCK = 12  # the last bottleneck before the fifth halving
MIDDLE = CHANNELS[MIDDLE_BLOCK]
REDUCTION = 8  # the stem's: pixels a cell of its maps

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def stem(size: int, blocks: int = STEM_BLOCKS) -> keras.Model:
    """RGB 0–255, (n, size, size, 3), to maps of edges and colours, (n, size/8, size/8, 32).

    Its weights stay those of ImageNet: every member of an ensemble shares it, and training reads
    its maps from disk instead of computing them again in each epoch.
    """
    image = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(
        scale=[1 / (255 * std) for std in IMAGENET_STD],
        offset=[-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)],
        name="imagenet_normalisation",
    )(image)
    x = _padded(x, name="conv0_pad")
    x = _convolve(x, 32, 3, stride=2, name="conv0", norm="batchnorm0")
    for index in range(blocks):
        x = _bottleneck(x, index)
    return keras.Model(image, x, name="stem")


def reduction(blocks: int = STEM_BLOCKS) -> int:
    """Pixels a side of the image for one cell of the stem's maps."""
    return 2 * math.prod(STRIDES[:blocks])


def trunk(side: int, blocks: int = STEM_BLOCKS) -> keras.Model:
    """The stem's maps, (n, side, side, 32), to what one member sees in them.

    Out: {"top": (n, side/4, side/4, 1280), "middle": (n, side/2, side/2, 96)}.
    """
    maps = keras.Input((side, side, CHANNELS[blocks - 1]), name="maps")
    x = middle = maps
    for index in range(blocks, len(STRIDES)):
        x = _bottleneck(x, index)
        if index == MIDDLE_BLOCK:
            middle = x
    x = _convolve(x, FEATURES, 1, name="conv1", norm="batchnorm1")
    return keras.Model(maps, {"top": x, "middle": middle}, name="trunk")


def load_imagenet(model: keras.Model, folder: Path) -> None:
    """Fill `model` from a folder of GluonCV arrays (kernels stored out, in, height, width).

    Raises FileNotFoundError when an array is missing and ValueError when one has another shape.
    """
    for layer in model.layers:
        stem = folder / (PREFIX + layer.name)
        if isinstance(layer, layers.BatchNormalization):
            parts = ("gamma", "beta", "running_mean", "running_var")
            layer.set_weights([np.load(f"{stem}_{part}.npy") for part in parts])
        elif isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([np.load(f"{stem}_weight.npy").transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([np.load(f"{stem}_weight.npy").transpose(2, 3, 1, 0)])


def _bottleneck(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
    stride, channels, width = STRIDES[index], CHANNELS[index], (32, *CHANNELS)[index]
    name = f"linearbottleneck{index}_"
    hidden = width * (1 if index == 0 else 6)
    y = _convolve(x, hidden, 1, name=name + "conv0", norm=name + "batchnorm0")
    y = _depthwise(y, stride, name=name + "conv1", norm=name + "batchnorm1")
    y = _convolve(y, channels, 1, name=name + "conv2", norm=name + "batchnorm2", activate=False)
    return layers.Add(name=name + "add")([x, y]) if stride == 1 and width == channels else y


def _padded(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    # "same" would pad a stride of two on the far side only; these weights expect both sides.
    return layers.ZeroPadding2D(1, name=name)(x)


def _convolve(
    x: keras.KerasTensor,
    channels: int,
    kernel: int,
    *,
    name: str,
    norm: str,
    stride: int = 1,
    activate: bool = True,
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, kernel, stride, "valid", use_bias=False, name=name)(x)
    return _normalise(x, norm, activate=activate)


def _depthwise(x: keras.KerasTensor, stride: int, *, name: str, norm: str) -> keras.KerasTensor:
    padding = "same"
    if stride == 2:
        x, padding = _padded(x, name=name + "_pad"), "valid"
    x = layers.DepthwiseConv2D(3, stride, padding, use_bias=False, name=name)(x)
    return _normalise(x, norm)


def _normalise(x: keras.KerasTensor, name: str, *, activate: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.98, name=name)(x)
    return layers.ReLU(6.0, name=name + "_relu6")(x) if activate else x
