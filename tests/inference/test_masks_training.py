"""How the decoder learns: masks follow their images through every draw, and an outline is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.training import config
from inference.training.datasets import Frames

SIZE = 64
IDS = [f"frame{index}" for index in range(24)]


def lesions() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Light frames of 80×60 with one dark ellipse each, and its mask."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:60, 0:80]
    for _ in IDS:
        centre, radii = rng.uniform((25, 20), (55, 40)), rng.uniform(9, 22, 2)
        inside = ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1
        frame = np.full((60, 80, 3), (215, 170, 150)) + rng.normal(0, 4, (60, 80, 3))
        frame[inside] -= 110
        yield np.clip(frame, 0, 255).astype(np.uint8), (255 * inside).astype(np.uint8)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Path]:
    folder = tmp_path_factory.mktemp("masks")
    pixels = []
    for name, (frame, mask) in zip(IDS, lesions(), strict=True):
        pixels.append(frame)
        Image.fromarray(mask).convert("1").save(folder / f"{name}_segmentation.png")
    return Frames(IDS, np.stack(pixels)), folder


@pytest.mark.parametrize("whole", [True, False])
def test_a_mask_goes_through_the_same_geometry_as_its_image(
    drawn: tuple[Frames, Path], whole: bool
) -> None:
    from inference.training import masks

    frames, folder = drawn
    settings = masks.MaskFit(size=SIZE)
    # Nothing but geometry: the lesion is what is dark, in the image and in the mask.
    plain = replace(
        config.load().augment,
        **dict.fromkeys(("colour", "light", "saturation", "gradient", "constancy"), 0.0),
        **dict.fromkeys(("blur", "hair", "ruler", "rim"), 0.0),
    )
    shares = []
    for seed, name in enumerate(IDS * 2):
        rng = np.random.default_rng(seed)
        mask = masks.read_mask(folder, name)
        image, moved = masks.draw(frames[name], mask, plain, settings, rng, whole=whole)
        assert image.shape == (SIZE, SIZE, 3)
        dark, inside = image[..., 0] < 150, np.asarray(moved) > 127
        assert (dark != inside).mean() < 0.03
        shares.append(inside.mean() / (np.asarray(mask) > 127).mean())
    # Whole frames keep the lesion's share; crops make it larger or smaller.
    assert (np.ptp(shares) < 0.1) == whole


def test_what_the_dark_rim_hides_is_no_lesion(drawn: tuple[Frames, Path]) -> None:
    from inference.training import masks

    frames, _ = drawn
    settings = masks.MaskFit(size=SIZE)
    always = replace(config.load().augment, rim=1.0)
    everything = Image.new("L", (80, 60), 255)
    rng = np.random.default_rng(5)
    image, mask = masks.draw(frames[IDS[0]], everything, always, settings, rng, whole=True)
    corners = np.asarray(mask)[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.all()
    assert np.asarray(mask)[SIZE // 2, SIZE // 2] == 255
    hidden = np.asarray(mask) == 0
    assert image[hidden].mean() < image[~hidden].mean()


def test_the_decoder_learns_to_find_a_lesion(drawn: tuple[Frames, Path], tmp_path: Path) -> None:
    import keras

    from inference.evaluation.masks import overlap
    from inference.network import mobilenet
    from inference.training import masks

    frames, folder = drawn
    keras.utils.set_random_seed(1)
    stem = mobilenet.stem(SIZE)
    settings = masks.MaskFit(size=SIZE, views=3, epochs=80, batch=4, average=0.9)
    augment = config.load().augment
    views = masks.make_views(
        stem, frames, folder, IDS[:16], augment, settings, tmp_path / "views.npy"
    )
    assert views.maps.shape == (48, 8, 8, 32)
    assert views.cells.shape == (48, 16, 16)
    model = masks.fit(views, settings)
    unseen = np.stack([np.asarray(frames[name].resize((SIZE, SIZE))) for name in IDS[16:]])
    logits = np.asarray(model(stem(unseen.astype(np.float32), training=False), training=False))
    dice = []
    for name, cells in zip(IDS[16:], logits[..., 0], strict=True):
        grid = np.rint(255 / (1 + np.exp(-cells))).astype(np.uint8)
        both, either = overlap(np.asarray(masks.read_mask(folder, name)) > 127, grid)
        dice.append(2 * both / (both + either))
    assert np.mean(dice) > 0.75
    stored = masks.arrays(model)
    assert set(stored) == {f"mask/{variable.path}" for variable in model.variables}
