"""What the worker's decoding may and may not change of an image."""

import numpy as np
import pytest

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from inference.network.preprocess import SPARE, decode, square

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
