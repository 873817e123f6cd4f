"""What the worker's decoding may and may not change of an image."""

import numpy as np
import pytest
from PIL import Image

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from inference.network.preprocess import (
    SPARE,
    WIDEST,
    centre,
    centre_of_grid,
    decode,
    frame,
    square,
    squeezed,
)

SIZE = 160


def jpeg(width: int, height: int) -> bytes:
    lesion = Lesion(Kind.MELANOMA, seed=3)
    spec = Spec(SkinTone.TYPE_II, lesion, Capture.plain(), size=(width, height))
    return draw(spec, seed=3).as_jpeg()


@pytest.mark.parametrize("sides", [(600, 450), (900, 675), (2000, 1500)])
def test_a_large_jpeg_decoded_small_is_the_same_picture(sides: tuple[int, int]) -> None:
    data = jpeg(*sides)
    small = decode(data, for_size=SIZE)
    assert SPARE * SIZE <= min(small.size) < min(sides)
    whole = square(decode(data), SIZE).astype(float)
    assert np.abs(square(small, SIZE) - whole).mean() < 1  # of 255


@pytest.mark.parametrize("sides", [(200, 150), (224, 224), (300, 319)])
def test_a_frame_of_the_training_sets_size_is_decoded_whole(sides: tuple[int, int]) -> None:
    data = jpeg(*sides)
    assert np.array_equal(np.asarray(decode(data, for_size=SIZE)), np.asarray(decode(data)))


@pytest.mark.parametrize(
    "sides", [(600, 450), (450, 600), (767, 576), (200, 150), (224, 224), (300, 319), (4000, 300)]
)
def test_the_centre_of_the_frame_is_the_square_of_training(sides: tuple[int, int]) -> None:
    """One resize serves both views, and the classes are told from the very pixels of training."""
    width, height = sides
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels)
    framed = frame(image, SIZE)
    assert min(framed.shape[:2]) == SIZE
    assert max(framed.shape[:2]) <= WIDEST * SIZE
    whole = square(image, SIZE).astype(int)
    assert np.abs(centre(framed) - whole).max() <= 1
    np.testing.assert_array_equal(frame(Image.fromarray(framed), SIZE), framed)


@pytest.mark.parametrize("sides", [(600, 450), (450, 600)])
def test_a_squeezed_frame_loses_nothing_but_its_proportions(sides: tuple[int, int]) -> None:
    width, height = sides
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 4] = 255
    pixels[:, : width // 4] = 255
    small = squeezed(frame(Image.fromarray(pixels), SIZE))
    assert small.shape == (SIZE, SIZE, 3)
    bright = small[..., 0] > 127
    assert bright[SIZE // 2 :].mean() == pytest.approx(0.25, abs=0.02)
    assert bright[:, SIZE // 2 :].mean() == pytest.approx(0.25, abs=0.02)


def test_a_grid_over_the_frame_is_cut_to_the_centre() -> None:
    framed = np.zeros((SIZE, 2 * SIZE, 3), np.uint8)
    grid = np.zeros((8, 8), np.uint8)
    grid[:, 2:4] = 200  # the left half of the centre square
    cut = centre_of_grid(grid, framed)
    assert (cut[:, 1:3] == 200).all()
    assert not cut[:, 5:].any()
    assert (centre_of_grid(grid.T, framed.transpose(1, 0, 2)) == cut.T).all()
