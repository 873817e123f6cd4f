"""What the worker's decoding may and may not change of an image."""

import io

import numpy as np
import pytest
from PIL import Image

from inference.network.preprocess import decode, square
from tests.imaging.files import texture

SIZE = 160


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(texture(width, height)).save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.mark.parametrize("sides", [(600, 450), (900, 675), (4000, 3000)])
def test_a_large_jpeg_decoded_small_is_the_same_picture(sides: tuple[int, int]) -> None:
    data = jpeg(*sides)
    small = decode(data, at_least=SIZE)
    assert SIZE <= min(small.size) < min(sides)
    whole = square(decode(data), SIZE).astype(float)
    assert np.abs(square(small, SIZE) - whole).mean() < 3  # of 255, and noise is the worst case


@pytest.mark.parametrize("sides", [(200, 150), (224, 224), (300, 319)])
def test_a_frame_of_the_training_sets_size_is_decoded_whole(sides: tuple[int, int]) -> None:
    data = jpeg(*sides)
    assert np.array_equal(np.asarray(decode(data, at_least=SIZE)), np.asarray(decode(data)))
