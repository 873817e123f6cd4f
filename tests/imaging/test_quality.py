"""The quality measure tells good pictures from blurred, dark, burnt-out and tiny ones."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imaging.quality import SENTENCES, assess, sentence


def lesion(width: int = 600, height: int = 450) -> NDArray[np.uint8]:
    """A brown spot with a fine network on skin."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-1:1:450j, -1.33:1.33:600j]
    spot = 1 / (1 + np.exp(12 * (np.hypot(x, y) - 0.6)))
    net = 0.5 + 0.5 * np.sin(45 * x) * np.sin(45 * y)
    brown = (spot * (0.4 + 0.6 * net))[..., None] * np.array([110, 105, 100])
    skin = np.array([205, 165, 145]) - brown + rng.normal(0, 4, (450, 600, 1))
    image = Image.fromarray(np.clip(skin, 0, 255).astype(np.uint8))
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def blurred(picture: NDArray[np.uint8], radius: float) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def test_a_good_picture_is_good_at_any_size() -> None:
    for size in ((600, 450), (2400, 1800), (300, 225)):
        found = assess(lesion(*size))
        assert (found.verdict, found.reasons) == ("good", ())
        assert (found.width, found.height) == size


def test_blur_lowers_sharpness_and_the_verdict() -> None:
    steps = [assess(blurred(lesion(), radius)) for radius in (0, 3, 12)]
    assert steps[0].sharpness > steps[1].sharpness > steps[2].sharpness
    assert steps[2].verdict == "poor" and "blurred" in steps[2].reasons


@pytest.mark.parametrize(
    ("change", "reason", "verdict"),
    [
        (lambda p: (p * 0.12).astype(np.uint8), "too-dark", "poor"),
        (lambda p: (p * 0.32).astype(np.uint8), "dark", "limited"),
        (lambda p: np.clip(p * 2.5, 0, 255).astype(np.uint8), "too-bright", "poor"),
        (lambda p: np.full_like(p, 140), "flat", "poor"),
        (lambda p: p[:120, :150], "small", "limited"),
        (lambda p: p[:50, :70], "tiny", "poor"),
    ],
)
def test_what_is_wrong_is_named(change: object, reason: str, verdict: str) -> None:
    found = assess(change(lesion()))
    assert reason in found.reasons
    assert found.verdict == verdict
    assert sentence(reason).endswith(".")


def test_glare_in_a_part_of_the_picture() -> None:
    picture = lesion()
    picture[150:300, 200:360] = 255
    assert "bright" in assess(picture).reasons


def test_a_dermatoscopes_black_rim_does_not_count() -> None:
    picture = lesion()
    y, x = np.mgrid[-1:1:450j, -1:1:600j]
    rimmed = np.where((np.hypot(x, y) <= 1)[..., None], picture, 0).astype(np.uint8)
    assert assess(rimmed).verdict == "good"
    assert assess(blurred(rimmed, 12)).verdict == "poor"


def test_a_picture_of_three_pixels_breaks_nothing() -> None:
    assert assess(np.zeros((3, 3, 3), np.uint8)).verdict == "poor"
    assert assess(np.zeros((4, 2000, 3), np.uint8)).verdict == "poor"


def test_every_reason_has_a_sentence() -> None:
    assert all(sentence(reason)[0].isupper() for reason in SENTENCES)


def test_it_is_quick() -> None:
    picture = lesion()
    best = 1.0
    for _round in range(5):
        start = time.perf_counter()
        assess(picture)
        best = min(best, time.perf_counter() - start)
    assert best < 0.03
