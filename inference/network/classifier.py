"""A member of the network: trunk, metadata gate, global average pooling and a linear head.

Because the head is linear in the pooled maps, the class activation map (Zhou et al. 2016) is the
same weighted sum taken before the pooling, and comes out of the same forward pass.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .fusion import FUSIONS
from .mobilenet import CHANNELS, STEM_BLOCKS, trunk


@keras.saving.register_keras_serializable("dermaclinic")
class MappedHead(layers.Layer):
    """Gated maps (n, h, w, c) to logits (n, k) and class activation maps (n, h, w, k).

    The spatial mean of a class's map is its logit without the bias.
    """

    def __init__(self, classes: int, *, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.dropout = layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.classes,), initializer="zeros", name="bias")

    def call(self, maps: Any, training: bool = False) -> tuple[Any, Any]:
        pooled = self.dropout(ops.mean(maps, axis=(1, 2)), training=training)
        return ops.matmul(pooled, self.kernel) + self.bias, ops.matmul(maps, self.kernel)


def member(
    *,
    side: int,
    width: int,
    classes: int,
    fusion: str = "metablock",
    dropout: float = 0.0,
    stem_blocks: int = STEM_BLOCKS,
) -> keras.Model:
    """One member of an ensemble, behind the shared stem.

    In:  {"maps": (n, side, side, c) of the stem, "metadata": (n, width)}.
    Out: {"logits": (n, classes), "maps": (n, side/4, side/4, classes),
          "embedding": (n, 1280), the pooled image features before the metadata speaks,
          "middle": (n, side/2, side/2, 96), "top": (n, side/4, side/4, 1280)}.
    Its layers "fusion" and "head" give another answer on the same "top": see `answer`.
    """
    maps = keras.Input((side, side, CHANNELS[stem_blocks - 1]), name="maps")
    known = keras.Input((width,), name="metadata")
    seen = trunk(side, stem_blocks)(maps)
    fused = FUSIONS[fusion](name="fusion")([seen["top"], known])
    logits, activation = MappedHead(classes, dropout=dropout, name="head")(fused)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(seen["top"])
    return keras.Model(
        {"maps": maps, "metadata": known},
        {"logits": logits, "maps": activation, "embedding": embedding, **seen},
        name="member",
    )


def answer(network: keras.Model, top: Any, known: Any) -> tuple[Any, Any]:
    """Logits and class activation maps of a member for other metadata on the same image."""
    fused = network.get_layer("fusion")([top, known])
    logits, activation = network.get_layer("head")(fused)
    return logits, activation
