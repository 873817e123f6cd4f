"""Several members in eight positions of the square, and what is averaged of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.network import ensemble
from inference.network.ensemble import Ensemble
from tests import packages

SIZE, WIDTH, CLASSES = packages.SIZE, 5, 3


def built(*, members: int = 1, symmetries: int = 1, mask: bool = False, seed: int = 0) -> Ensemble:
    network = ensemble.build(
        size=SIZE, width=WIDTH, classes=CLASSES, members=members, symmetries=symmetries, mask=mask
    )
    network.assign(packages.lively(network.arrays(), seed))
    return network


def said(
    network: Ensemble, images: NDArray[np.uint8], seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    known = np.random.default_rng(seed).normal(size=(len(images), WIDTH)).astype(np.float32)
    outputs = network(images, known, np.zeros_like(known), images)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def noise(count: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)


def test_eight_positions_are_all_different_and_turn_back() -> None:
    grid = np.random.default_rng(0).random((2, 6, 6, 4)).astype(np.float32)
    shown = np.asarray(ensemble.positions(grid, 8))
    assert shown.shape == (16, 6, 6, 4)
    assert len({view.tobytes() for view in shown[::2]}) == 8
    np.testing.assert_array_equal(shown[:2], grid)
    np.testing.assert_allclose(ensemble.in_image_space(shown, 8), grid, rtol=1e-6)
    assert ensemble.positions(grid, 1) is grid
    assert ensemble.in_image_space(grid, 1) is grid


def test_rows_are_averaged_over_their_own_positions() -> None:
    rows = np.arange(16, dtype=np.float32).reshape(16, 1)  # two images, eight positions
    np.testing.assert_array_equal(ensemble.over_positions(rows, 8), [[7], [8]])


def test_members_and_positions_are_averaged() -> None:
    """The whole is the mean of its members alone, each in every position."""
    images = noise()
    pair = built(members=2, symmetries=8)
    parts = []
    for member in pair.members:
        alone = Ensemble(pair.stem, (member,), None, pair.stem, symmetries=1)
        for position in range(8):
            turned = np.asarray(ensemble.positions(images, 8))[2 * position : 2 * position + 2]
            parts.append(said(alone, turned))
    whole = said(pair, images)
    for name in ("logits", "image_only", "embedding"):
        mean = np.mean([part[name] for part in parts], axis=0)
        np.testing.assert_allclose(whole[name], mean, rtol=1e-3, atol=1e-4)
    assert np.ptp([part["logits"][0, 0] for part in parts]) > 1e-2


def test_image_only_is_what_masked_metadata_say() -> None:
    images, network = noise(), built()
    known = np.zeros((2, WIDTH), np.float32)
    told, untold = said(network, images), network(images, known, known)
    np.testing.assert_allclose(told["image_only"], untold["logits"], rtol=1e-5, atol=1e-5)
    assert np.abs(told["logits"] - told["image_only"]).max() > 1e-3


def test_other_weights_draw_another_map() -> None:
    """An explanation that did not depend on the weights would explain nothing (Adebayo 2018)."""
    images, network = noise(1), built()
    before = said(network, images)["maps"][0, ..., 0]
    trunk = {
        name: array
        for name, array in packages.lively(network.arrays(), 1).items()
        if name.startswith("member0/conv1") or name.endswith("head/kernel")
    }
    assert trunk
    network.assign({**network.arrays(), **trunk})
    after = said(network, images)["maps"][0, ..., 0]
    assert np.abs(after - before).max() > 0.1 * np.abs(before).max()


def test_a_mask_is_drawn_of_the_frame() -> None:
    network = built(mask=True)
    images = noise()
    drawn = said(network, images)["mask"]
    assert drawn.shape == (2, SIZE // 4, SIZE // 4)
    assert 0 <= drawn.min() < drawn.max() <= 1
    other = network(images, np.zeros((2, WIDTH)), np.zeros((2, WIDTH)), images[::-1])["mask"]
    np.testing.assert_allclose(other, drawn[::-1], atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="4 symmetries"):
        built(symmetries=4)
    network = built()
    arrays = network.arrays()
    kernel = arrays.pop("member0/head/kernel")
    with pytest.raises(KeyError, match="member0/head/kernel"):
        network.assign(arrays)
    with pytest.raises(ValueError, match="shape"):
        network.assign({**arrays, "member0/head/kernel": kernel[:, :2]})
