"""The network of a package as TensorFlow graphs whose weights are constants, and what runs them.

TensorFlow is imported in `forwards`, never before.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.package import Package

logger = logging.getLogger(__name__)

LADDER = (1, 2, 4, 8, 16)
SQUARES = 32  # in one pass on a CPU: with more, its caches overflow and memory grows

Outputs = dict[str, NDArray[np.float32]]
Forward = Callable[[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]], Outputs]
Runtime = dict[str, Any]


def forwards(
    package: Package,
    arrays: Mapping[str, NDArray[Any]],
    *,
    threads: int,
    batch_sizes: Sequence[int],
) -> tuple[dict[int, Forward], Runtime]:
    """A graph for each batch size, and what they run on. Raises KeyError, ValueError.

    The threads inside one operation hold for the whole process.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        logger.info("TensorFlow is running already: its number of threads stays as it is.")

    import keras
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from inference.network import ensemble

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("A package is served on TensorFlow: set KERAS_BACKEND=tensorflow.")
    network = ensemble.build(
        size=package.input_size,
        width=package.fields.width,
        classes=len(package.classes),
        members=package.members,
        symmetries=package.symmetries,
        mask=package.mask,
        fusion=package.fusion,
        stem_blocks=package.stem_blocks,
    )
    _refuse_strangers(arrays, network.parts)
    network.assign(arrays)
    unknown = package.fields.missing(1)
    names: list[str] = []

    def forward(images: Any, known: Any, frames: Any) -> Any:
        masked = tf.tile(tf.constant(unknown), (tf.shape(known)[0], 1))
        outputs = network(images, known, masked, frames)
        names[:] = sorted(outputs)
        return [outputs[name] for name in names]

    side = package.input_size
    # One graph for every batch size: traced once, it starts in a fraction of the time and memory,
    # and its operations take the size as it comes. With its weights as constants TensorFlow folds
    # each normalisation into its convolution, a fifth of the time.
    signature = (
        tf.TensorSpec((None, side, side, 3), tf.uint8),
        tf.TensorSpec((None, package.fields.width), tf.float32),
        tf.TensorSpec((None, side, side, 3), tf.uint8),
    )
    frozen = convert_variables_to_constants_v2(
        tf.function(forward, autograph=False).get_concrete_function(*signature)
    )
    # A frozen function has lost its signature: called from Python, it would write out all pixels
    # in an error message before it tries another way. So a graph calls it.
    function = tf.function(lambda *inputs: frozen(*inputs), autograph=False).get_concrete_function(
        *signature
    )

    def run(
        images: NDArray[np.uint8], known: NDArray[np.float32], frames: NDArray[np.uint8]
    ) -> Outputs:
        found = function(tf.constant(images), tf.constant(known), tf.constant(frames))
        return {name: value.numpy() for name, value in zip(names, found, strict=True)}

    device = _device(tf)
    largest = max(1, SQUARES // package.symmetries) if device["kind"] == "CPU" else max(batch_sizes)
    sizes = sorted({min(size, largest) for size in batch_sizes})
    runtime = {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": device["name"],
        "threads": tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count(),
    }
    return dict.fromkeys(sizes, run), runtime


def _refuse_strangers(arrays: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Weights of a part that the manifest does not name would silently be left out."""
    named = {name.partition("/")[0] for name in arrays} - {"likeness"}
    if strangers := sorted(named - set(parts)):
        raise ValueError(f"the manifest names no part {', '.join(strangers)}")


def _device(tf: Any) -> dict[str, str]:
    if graphics := tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(graphics[0])
        return {"kind": "GPU", "name": details.get("device_name", graphics[0].name)}
    return {"kind": "CPU", "name": _processor()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
