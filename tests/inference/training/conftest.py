"""A folder in HAM10000 form with images of noise, and an encoder that learned nothing."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.network.classes import KEYS
from inference.training import config, datasets
from inference.training.config import Config

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """105 images of 35 lesions in HAM10000 form, every third with a fine copy."""
    rng = np.random.default_rng(5)
    data = tmp_path / "ham"
    for name in ("images", "images_224", "masks"):
        (data / name).mkdir(parents=True)
    with (data / datasets.TABLE).open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for number in range(105):
            writer.writerow(
                (f"HAM_{number // 3:04d}", f"ISIC_{number:04d}", KEYS[number // 3 % 7], "histo")
                + (("", "unknown", "unknown") if number % 5 == 0 else ("45.0", "male", "back"))
            )
            pixels = rng.integers(0, 255, (150, 200, 3), np.uint8)
            Image.fromarray(pixels).save(data / "images" / f"ISIC_{number:04d}.jpg")
            mask = np.zeros((150, 200), np.uint8)
            mask[40:110, 60:150] = 255
            Image.fromarray(mask).save(data / "masks" / f"ISIC_{number:04d}_segmentation.png")
            if number % 3 == 0:
                fine = Image.fromarray(pixels).resize((224, 224))
                fine.save(data / "images_224" / f"ISIC_{number:04d}.jpg")
    return data


@pytest.fixture
def small(encoder_arrays: Path) -> Config:
    """The default recipe on squares of 128 pixels, two views and one short epoch."""
    full = config.load()
    return dataclasses.replace(
        full,
        members=dataclasses.replace(full.members, count=1, symmetries=1, epochs=1),
        network=dataclasses.replace(
            full.network, size=128, stem_blocks=14, encoder_weights=str(encoder_arrays)
        ),
        fit=dataclasses.replace(full.fit, epochs=1, restart_epochs=0, batch=8),
        views=dataclasses.replace(full.views, fewest=1, most=2),
    )


@pytest.fixture(scope="session")
def encoder_arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained encoder in the layout of the published ImageNet weights."""
    import keras
    from keras import layers

    from inference.network.mobilenet import PREFIX, stem, trunk

    keras.utils.set_random_seed(2)
    folder = tmp_path_factory.mktemp("imagenet")
    for layer in [*stem(32).layers, *trunk(4).layers]:
        for weight in layer.weights:
            values = np.asarray(weight)
            name = weight.path.split("/")[-1]
            if name == "kernel":
                depthwise = isinstance(layer, layers.DepthwiseConv2D)
                # As loud as they hear: untrained, each block would whisper what it is told.
                loud = (values**2).sum(axis=(0, 1) if depthwise else (0, 1, 2), keepdims=True)
                values = values * np.sqrt(2 / loud)
                values = values.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
            published = {
                "kernel": "weight",
                "moving_mean": "running_mean",
                "moving_variance": "running_var",
            }.get(name, name)
            np.save(folder / f"{PREFIX}{layer.name}_{published}.npy", values)
    return folder
