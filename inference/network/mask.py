"""Where the lesion lies: a light decoder on the shared stem (after U-Net, Ronneberger et al. 2015).

It looks at the whole frame squeezed into the square, not at the centre that the classes are told
from, and needs the first blocks of the stem only: no member of the ensemble is run for it, and
every package whose stem begins with ImageNet's weights may carry the same decoder.
"""

from __future__ import annotations

import keras
from keras import layers

from .mobilenet import CHANNELS

BLOCKS = 6  # of the encoder that the decoder stands on: never trained, the same everywhere
REDUCTION = 8  # pixels of the frame for one cell of their maps
CELLS = 2  # cells of the answer along one cell of those maps
WIDTHS = (48, 64, 96)  # channels at 1/8, 1/16 and 1/32 of the frame's side


def encoder(stem: keras.Model) -> keras.Model:
    """The part of a stem of any depth, image to maps at 1/8, that `decoder` reads."""
    return keras.Model(stem.input, stem.get_layer(f"linearbottleneck{BLOCKS - 1}_add").output)


def decoder(side: int = 20) -> keras.Model:
    """The maps of whole frames, (n, side, side, 32), to logits (n, 2·side, 2·side, 1).

    The sigmoid of a logit is the probability that the cell lies in the lesion. Its training is
    in `training/masks.py`.
    """
    maps = keras.Input((side, side, CHANNELS[BLOCKS - 1]), name="maps")
    fine, middle, deep = WIDTHS
    first = _convolve(maps, fine, name="first")
    second = _convolve(first, middle, stride=2, name="second")
    second = _residual(second, name="second_more")
    third = _convolve(second, deep, stride=2, name="third")
    third = _residual(third, name="third_more")
    third = _residual(third, name="third_most", dilation=2)
    # What the frame holds as a whole: how bright skin and lesion are, how large it is.
    whole = layers.GlobalAveragePooling2D(keepdims=True, name="whole_pool")(third)
    third = layers.Add(name="whole_add")([third, layers.Dense(deep, name="whole")(whole)])
    x = _joined(third, second, name="middle")
    x = _convolve(x, middle, name="middle_after")
    x = _joined(x, first, name="fine")
    x = _convolve(x, fine, name="fine_after")
    logits = layers.Conv2DTranspose(1, 2 * CELLS, CELLS, "same", name="logits")(x)
    return keras.Model(maps, logits, name="mask")


def _convolve(
    x: keras.KerasTensor, channels: int, *, name: str, stride: int = 1, dilation: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(
        channels, 3, stride, "same", dilation_rate=dilation, use_bias=False, name=name
    )(x)
    x = layers.BatchNormalization(momentum=0.98, name=name + "_norm")(x)
    return layers.ReLU(name=name + "_relu")(x)


def _residual(x: keras.KerasTensor, *, name: str, dilation: int = 1) -> keras.KerasTensor:
    return layers.Add(name=name + "_add")(
        [x, _convolve(x, x.shape[-1], name=name, dilation=dilation)]
    )


def _joined(x: keras.KerasTensor, finer: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """What was seen coarsely, brought to the side and the channels of the finer maps, and both."""
    x = layers.Conv2D(finer.shape[-1], 1, use_bias=False, name=name + "_narrow")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name=name + "_up")(x)
    spare = x.shape[1] - finer.shape[1]  # 1 where the finer side was odd
    if spare:
        x = layers.Cropping2D(((0, spare), (0, spare)), name=name + "_cut")(x)
    return layers.Add(name=name + "_join")([x, finer])
