"""The network itself: gate, class activation map, ImageNet weights; at a small size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference import package
from inference.network import metadata
from inference.network.classes import KEYS
from inference.network.metadata import Metadata
from tests.inference.test_package import SHIPPED

SIZE = 64


@pytest.fixture(scope="module")
def network() -> Any:
    """The shipped weights at another size: they are those of convolutions."""
    from inference.network.classifier import build

    arrays = package.read(SHIPPED).arrays()
    model = build(size=SIZE, classes=len(KEYS))
    for variable in model.variables:
        variable.assign(arrays[variable.path])
    return model


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)


def run(network: Any, images: NDArray[np.float32], known: Metadata) -> dict[str, NDArray[Any]]:
    vectors = metadata.encode([known] * len(images))
    outputs = network({"image": images, "metadata": vectors}, training=False)
    return {name: np.asarray(value) for name, value in outputs.items()}


def test_shapes(network: Any, images: NDArray[np.float32]) -> None:
    outputs = run(network, images, Metadata())
    assert outputs["logits"].shape == (3, 7)
    assert outputs["maps"].shape == (3, SIZE // 32, SIZE // 32, 7)
    assert outputs["embedding"].shape == (3, 1280)


def test_unknown_metadata_are_finite_and_differ_from_known_ones(
    network: Any, images: NDArray[np.float32]
) -> None:
    unknown = run(network, images, Metadata())
    known = run(network, images, Metadata(70, "male", "face"))
    assert np.isfinite(unknown["logits"]).all()
    assert np.abs(unknown["logits"] - known["logits"]).max() > 1e-4
    # The embedding is of the image alone: it must not know the patient.
    np.testing.assert_array_equal(unknown["embedding"], known["embedding"])


@pytest.mark.parametrize(
    "other", [Metadata(70), Metadata(sex="female"), Metadata(site="back"), Metadata(20)]
)
def test_each_field_alone_reaches_the_logits(
    network: Any, images: NDArray[np.float32], other: Metadata
) -> None:
    unknown, known = run(network, images, Metadata()), run(network, images, other)
    assert np.abs(unknown["logits"] - known["logits"]).max() > 1e-5


def test_mean_of_the_activation_map_is_the_logit_without_bias(
    network: Any, images: NDArray[np.float32]
) -> None:
    head = network.get_layer("head")
    head.bias.assign(np.arange(7, dtype=np.float32))
    outputs = run(network, images, Metadata(40, "female", "trunk"))
    means = outputs["maps"].mean(axis=(1, 2))
    np.testing.assert_allclose(means + np.arange(7), outputs["logits"], rtol=1e-4, atol=1e-4)


def test_gate_follows_the_paper() -> None:
    from inference.network.fusion import MetaBlock

    block = MetaBlock()
    rng = np.random.default_rng(2)
    maps = rng.normal(size=(2, 3, 3, 4)).astype(np.float32)
    known = rng.normal(size=(2, 5)).astype(np.float32)
    gated = np.asarray(block([maps, known]))
    scale = known @ np.asarray(block.scale.kernel) + np.asarray(block.scale.bias)
    shift = known @ np.asarray(block.shift.kernel) + np.asarray(block.shift.bias)
    inner = np.tanh(maps * scale[:, None, None]) + shift[:, None, None]
    np.testing.assert_allclose(gated, maps * 2 / (1 + np.exp(-inner)), rtol=1e-5, atol=1e-6)


def test_normalisation_is_inside_the_network() -> None:
    from inference.network.mobilenet import IMAGENET_MEAN, IMAGENET_STD, encoder

    layer = encoder(32).get_layer("imagenet_normalisation")
    mean = np.full((1, 32, 32, 3), IMAGENET_MEAN, np.float32) * 255
    np.testing.assert_allclose(np.asarray(layer(mean)), 0, atol=1e-5)
    above = mean + np.array(IMAGENET_STD, np.float32) * 255
    np.testing.assert_allclose(np.asarray(layer(above)), 1, atol=1e-5)


class TestImageNetWeights:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Arrays in the published layout, made from the shapes of the network."""
        from keras import layers

        from inference.network.mobilenet import PREFIX, encoder

        rng = np.random.default_rng(3)
        for layer in encoder(32).layers:
            names: tuple[str, ...] = ("weight",)
            if isinstance(layer, layers.BatchNormalization):
                names = ("gamma", "beta", "running_mean", "running_var")
            elif not layer.weights:
                continue
            for name, weight in zip(names, layer.get_weights(), strict=True):
                values = rng.uniform(0.5, 1, weight.shape).astype(np.float32)
                if values.ndim == 4:
                    depthwise = isinstance(layer, layers.DepthwiseConv2D)
                    values = values.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
                np.save(tmp_path / f"{PREFIX}{layer.name}_{name}.npy", values)
        return tmp_path

    def test_every_layer_is_filled(self, folder: Path) -> None:
        from inference.network.mobilenet import PREFIX, encoder, load_imagenet

        model = encoder(32)
        load_imagenet(model, folder)
        assert all((np.asarray(weight) >= 0.5).all() for weight in model.weights)
        stored = np.load(folder / f"{PREFIX}conv0_weight.npy")
        kernel = np.asarray(model.get_layer("conv0").kernel)
        assert kernel[2, 1, 0, 5] == stored[5, 0, 2, 1]

    def test_a_missing_array_is_an_error(self, folder: Path) -> None:
        from inference.network.mobilenet import PREFIX, encoder, load_imagenet

        (folder / f"{PREFIX}conv1_weight.npy").unlink()
        with pytest.raises(FileNotFoundError, match="conv1_weight"):
            load_imagenet(encoder(32), folder)

    def test_an_array_of_another_shape_is_an_error(self, folder: Path) -> None:
        from inference.network.mobilenet import PREFIX, encoder, load_imagenet

        np.save(folder / f"{PREFIX}conv1_weight.npy", np.zeros((4, 320, 1, 1), np.float32))
        with pytest.raises(ValueError, match="shape"):
            load_imagenet(encoder(32), folder)
