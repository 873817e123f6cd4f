"""The whole network: image encoder, metadata gate, global average pooling and a linear head.

Because the head is linear in the pooled maps, the class activation map (Zhou et al. 2016) is the
same weighted sum taken before the pooling, and comes out of the same forward pass.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from . import metadata
from .fusion import MetaBlock
from .mobilenet import encoder


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


def build(*, size: int, classes: int, dropout: float = 0.0) -> keras.Model:
    """The serving network.

    In:  {"image": (n, size, size, 3) RGB 0–255, "metadata": (n, metadata.WIDTH)}.
    Out: {"logits": (n, classes), "maps": (n, size/32, size/32, classes),
          "embedding": (n, 1280), the pooled image features before the metadata gate}.
    """
    image = keras.Input((size, size, 3), name="image")
    known = keras.Input((metadata.WIDTH,), name="metadata")
    features = encoder(size)(image)
    gated = MetaBlock(name="metablock")([features, known])
    logits, maps = MappedHead(classes, dropout=dropout, name="head")(gated)
    embedding = layers.GlobalAveragePooling2D(name="embedding")(features)
    return keras.Model(
        {"image": image, "metadata": known},
        {"logits": logits, "maps": maps, "embedding": embedding},
        name="dermoscopy_classifier",
    )
