"""The network itself: gate, class activation map, ImageNet weights; at a small size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.network.metadata import DERMOSCOPY, Metadata

SIDE = 8


@pytest.fixture(scope="module")
def network() -> Any:
    """A member that has learned nothing."""
    import keras

    from inference.network.classifier import member

    keras.utils.set_random_seed(4)
    model = member(side=SIDE, width=DERMOSCOPY.width, classes=7)
    norms = [row for row in model.get_layer("trunk").layers if hasattr(row, "moving_mean")]
    for layer in norms:
        layer.momentum = 0.0  # untrained, each block shrinks its input until nothing is left
    noise = np.random.default_rng(1).normal(size=(8, SIDE, SIDE, 32)).astype(np.float32)
    model({"maps": noise, "metadata": DERMOSCOPY.missing(8)}, training=True)
    return model


@pytest.fixture(scope="module")
def maps() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(3, SIDE, SIDE, 32)).astype(np.float32)


def run(network: Any, maps: NDArray[np.float32], known: Metadata) -> dict[str, NDArray[Any]]:
    vectors = DERMOSCOPY.encode([known] * len(maps))
    outputs = network({"maps": maps, "metadata": vectors}, training=False)
    return {name: np.asarray(value) for name, value in outputs.items()}


def test_shapes(network: Any, maps: NDArray[np.float32]) -> None:
    outputs = run(network, maps, Metadata())
    assert outputs["logits"].shape == (3, 7)
    assert outputs["maps"].shape == (3, SIDE // 4, SIDE // 4, 7)
    assert outputs["embedding"].shape == (3, 1280)


def test_unknown_metadata_are_finite_and_differ_from_known_ones(
    network: Any, maps: NDArray[np.float32]
) -> None:
    unknown = run(network, maps, Metadata())
    known = run(network, maps, Metadata(70, "male", "face"))
    assert np.isfinite(unknown["logits"]).all()
    assert np.abs(unknown["logits"] - known["logits"]).max() > 1e-4
    # The embedding is of the image alone: it must not know the patient.
    np.testing.assert_array_equal(unknown["embedding"], known["embedding"])


@pytest.mark.parametrize(
    "other", [Metadata(70), Metadata(sex="female"), Metadata(site="back"), Metadata(20)]
)
def test_each_field_alone_reaches_the_logits(
    network: Any, maps: NDArray[np.float32], other: Metadata
) -> None:
    unknown, known = run(network, maps, Metadata()), run(network, maps, other)
    assert np.abs(unknown["logits"] - known["logits"]).max() > 1e-5


def test_mean_of_the_activation_map_is_the_logit_without_bias(
    network: Any, maps: NDArray[np.float32]
) -> None:
    head = network.get_layer("head")
    head.bias.assign(np.arange(7, dtype=np.float32))
    outputs = run(network, maps, Metadata(40, "female", "trunk"))
    means = outputs["maps"].mean(axis=(1, 2))
    np.testing.assert_allclose(means + np.arange(7), outputs["logits"], rtol=1e-4, atol=1e-4)


def test_masked_metadata_answer_from_the_same_features(
    network: Any, maps: NDArray[np.float32]
) -> None:
    from inference.network.classifier import answer

    known = run(network, maps, Metadata(70, "male", "face"))
    logits, activation = answer(network, known["top"], DERMOSCOPY.missing(3))
    unknown = run(network, maps, Metadata())
    np.testing.assert_allclose(np.asarray(logits), unknown["logits"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(activation), unknown["maps"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", ["concatenation", "image only"])
def test_other_ways_to_fuse(maps: NDArray[np.float32], fusion: str) -> None:
    from inference.network.classifier import member

    other = member(side=SIDE, width=DERMOSCOPY.width, classes=7, fusion=fusion)
    unknown, known = run(other, maps, Metadata()), run(other, maps, Metadata(70))
    moved = np.abs(unknown["logits"] - known["logits"]).max()
    assert (moved == 0) == (fusion == "image only")


@pytest.mark.parametrize("blocks", [6, 14])
def test_the_frozen_part_may_be_deeper(blocks: int) -> None:
    from inference.network.classifier import member
    from inference.network.mobilenet import reduction, stem

    seen = np.asarray(stem(64, blocks)(np.zeros((1, 64, 64, 3), np.float32)))
    side = 64 // reduction(blocks)
    rest = member(side=side, width=DERMOSCOPY.width, classes=7, stem_blocks=blocks)
    outputs = rest({"maps": seen, "metadata": DERMOSCOPY.missing(1)})
    assert outputs["maps"].shape == (1, 2, 2, 7)


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
    from inference.network.mobilenet import IMAGENET_MEAN, IMAGENET_STD, stem

    layer = stem(32).get_layer("imagenet_normalisation")
    mean = np.full((1, 32, 32, 3), IMAGENET_MEAN, np.float32) * 255
    np.testing.assert_allclose(np.asarray(layer(mean)), 0, atol=1e-5)
    above = mean + np.array(IMAGENET_STD, np.float32) * 255
    np.testing.assert_allclose(np.asarray(layer(above)), 1, atol=1e-5)


class TestImageNetWeights:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Arrays in the published layout, made from the shapes of the network."""
        from keras import layers

        from inference.network.mobilenet import PREFIX, stem, trunk

        rng = np.random.default_rng(3)
        for layer in [*stem(32).layers, *trunk(4).layers]:
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
        from inference.network.mobilenet import PREFIX, load_imagenet, stem, trunk

        parts = [stem(32), trunk(4)]
        for part in parts:
            load_imagenet(part, folder)
            assert all((np.asarray(weight) >= 0.5).all() for weight in part.weights)
        stored = np.load(folder / f"{PREFIX}conv0_weight.npy")
        kernel = np.asarray(parts[0].get_layer("conv0").kernel)
        assert kernel[2, 1, 0, 5] == stored[5, 0, 2, 1]

    def test_a_missing_array_is_an_error(self, folder: Path) -> None:
        from inference.network.mobilenet import PREFIX, load_imagenet, trunk

        (folder / f"{PREFIX}conv1_weight.npy").unlink()
        with pytest.raises(FileNotFoundError, match="conv1_weight"):
            load_imagenet(trunk(4), folder)

    def test_an_array_of_another_shape_is_an_error(self, folder: Path) -> None:
        from inference.network.mobilenet import PREFIX, load_imagenet, trunk

        np.save(folder / f"{PREFIX}conv1_weight.npy", np.zeros((4, 320, 1, 1), np.float32))
        with pytest.raises(ValueError, match="shape"):
            load_imagenet(trunk(4), folder)
