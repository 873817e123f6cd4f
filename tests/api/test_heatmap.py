"""The heat map's picture: where the evidence is, and nowhere else."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference import heatmap


def drawn(grid: bytes, shape: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(heatmap.png(grid, shape, size))) as picture:
        return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("size", [(600, 450), (450, 600), (500, 500), (1, 1), (33, 1000)])
def test_it_has_the_images_proportions(size: tuple[int, int]) -> None:
    assert drawn(bytes(49), (7, 7), size).shape[1::-1] == size


def test_a_large_image_gets_a_smaller_one() -> None:
    assert drawn(bytes(49), (7, 7), (4096, 2048)).shape == (512, 1024, 4)


def test_no_evidence_is_transparent() -> None:
    assert not drawn(bytes(49), (7, 7), (90, 60))[..., 3].any()


def test_evidence_shows_where_it_is() -> None:
    grid = np.zeros((6, 6), np.uint8)
    grid[0, 5] = 255
    alpha = drawn(grid.tobytes(), (6, 6), (90, 60))[..., 3].astype(int)
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    assert row < 12 and 64 <= column < 75  # the upper right of the centre square
    assert alpha.max() == pytest.approx(heatmap.OPAQUE, abs=10)
    assert not alpha[30:].any() and not alpha[:, :45].any()


def test_rows_and_columns_are_not_confused() -> None:
    grid = np.zeros((2, 4), np.uint8)
    grid[1] = 255
    alpha = drawn(grid.tobytes(), (2, 4), (80, 80))[..., 3]
    assert alpha[70:].min() > 150
    assert alpha[:10].max() < 20


def test_stronger_evidence_is_lighter_and_more_opaque() -> None:
    grid = bytes([40, 120, 200, 255])
    picture = drawn(grid, (2, 2), (100, 100)).astype(int)
    spots = [picture[y, x] for y in (5, 95) for x in (5, 95)]
    lightness = [int(0.3 * r + 0.59 * g + 0.11 * b) for r, g, b, _a in spots]
    assert lightness == sorted(lightness)
    assert [a for *_rgb, a in spots] == sorted(a for *_rgb, a in spots)


def test_equal_evidence_looks_equal_whatever_else_is_in_the_image() -> None:
    faint = drawn(bytes([60] * 9), (3, 3), (90, 90))[85, 5]
    beside = drawn(bytes([60, 60, 255] + [60] * 6), (3, 3), (90, 90))[85, 5]
    assert faint.tolist() == beside.tolist()
    assert 0 < faint[3] < heatmap.OPAQUE / 2
