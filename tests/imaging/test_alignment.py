"""Images of one lesion laid over each other: right where it can be known, and declined elsewhere.

The demo's dermoscope says how it framed a lesion, so that the truth is known to the pixel.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from demo.dermoscopy import Capture, SkinTone, Spec, draw
from demo.lesions import Kind, Lesion
from imaging import alignment
from imaging.alignment import Similarity, TooLong

SIZE = (600, 450)
EXACT = 2.5  # pixels of SIZE, anywhere in the picture


def lesion(kind: Kind = Kind.NEVUS_RETICULAR, seed: int = 7) -> Any:
    return Lesion(kind, seed)


def picture(capture: Capture, *, seed: int = 1, **spec: Any) -> tuple[Image.Image, float]:
    """A picture, and how many millimetres one of its pixels is."""
    given = {"tone": SkinTone.TYPE_II, "lesion": lesion(), "size": SIZE} | spec
    drawing = draw(Spec(capture=capture, **given), seed)
    return Image.fromarray(drawing.image), drawing.mm_per_pixel


def truth(one: Capture, other: Capture, scales: tuple[float, float]) -> Similarity:
    """Where the other picture's pixels lie in the first one's, by how both were framed."""
    middle = SIZE[0] / 2, SIZE[1] / 2

    def onto_skin(capture: Capture, mm: float) -> Similarity:
        assert capture.shift_mm is not None and capture.turn_degrees is not None
        shift = [middle[i] + capture.shift_mm[i] / mm for i in (0, 1)]
        return Similarity(1 / mm, capture.turn_degrees, shift[0], shift[1])

    first, second = onto_skin(one, scales[0]), onto_skin(other, scales[1])
    back = second.inverse()
    x, y = first.at(back.dx, back.dy)
    return Similarity(first.scale * back.scale, first.degrees + back.degrees, x, y)


def farthest(found: Similarity, wanted: Similarity) -> float:
    """How far apart they put the picture's corners, at most, in pixels."""
    corners = [(0, 0), (SIZE[0], 0), (0, SIZE[1]), SIZE]
    return max(math.dist(found.at(*corner), wanted.at(*corner)) for corner in corners)


PLAIN = Capture.plain()
LATER = {
    "shifted": {"shift_mm": (1.1, -0.7)},
    "turned": {"turn_degrees": 38.0},
    "upside down": {"turn_degrees": 176.0, "shift_mm": (0.4, 0.3)},
    "closer": {"zoom": 1.45, "turn_degrees": -12.0},
    "farther": {"zoom": 0.75, "turn_degrees": 6.0},
    "noisy": {"noise": 0.03, "turn_degrees": 20.0, "zoom": 1.1},
    "hairy": {"hairs": 0.8, "bubbles": 10, "turn_degrees": -25.0, "shift_mm": (0.5, 0.5)},
    "another light": {
        "vignette": 0.3, "exposure": 0.8, "device": 1, "turn_degrees": 15.0, "zoom": 0.9,
    },
    "a round plate": {"field_stop": 0.85, "turn_degrees": 60.0},
}  # fmt: skip


@pytest.mark.parametrize("changes", LATER.values(), ids=LATER.keys())
def test_what_the_camera_did_is_found(changes: dict[str, Any]) -> None:
    then = replace(PLAIN, hairs=0.3, noise=0.008)
    now = replace(PLAIN, noise=0.008) if "noise" not in changes else PLAIN
    now = replace(now, **changes)
    left, mm_left = picture(then, seed=1)
    right, mm_right = picture(now, seed=2)
    found = alignment.align(left, right, seconds=60)
    assert found is not None
    assert farthest(found.similarity, truth(then, now, (mm_left, mm_right))) < EXACT
    assert found.false_alarms < 1e-6


def test_a_lesion_that_grew_and_darkened() -> None:
    spec = Spec(tone=SkinTone.TYPE_II, lesion=lesion(), capture=PLAIN, size=SIZE)
    now = replace(PLAIN, turn_degrees=-30.0, hairs=0.4)
    first = draw(spec, 1)
    second = draw(replace(spec.later(growth=1.2, darkening=0.3), capture=now), 2)
    found = alignment.align(Image.fromarray(first.image), Image.fromarray(second.image), seconds=60)
    assert found is not None
    wanted = truth(PLAIN, now, (first.mm_per_pixel, second.mm_per_pixel))
    assert farthest(found.similarity, wanted) < EXACT


def test_pictures_of_other_sizes() -> None:
    """The similarity is between the pixels of the pictures as given."""
    now = replace(PLAIN, turn_degrees=25.0)
    left, mm = picture(PLAIN)
    right, _mm = picture(now, seed=2)
    found = alignment.align(left, right.resize((1200, 900)), seconds=60)
    assert found is not None
    wanted = truth(PLAIN, now, (mm, mm)).resized(1, 2)
    corners = [(0, 0), (1200, 0), (0, 900), (1200, 900)]
    far = max(math.dist(found.similarity.at(*each), wanted.at(*each)) for each in corners)
    assert far < EXACT


@pytest.mark.parametrize("tone", [SkinTone.TYPE_I, SkinTone.TYPE_VI])
def test_every_skin(tone: SkinTone) -> None:
    now = replace(PLAIN, turn_degrees=-50.0, shift_mm=(0.6, 0.2))
    left, mm = picture(PLAIN, tone=tone)
    right, _mm = picture(now, tone=tone, seed=2)
    found = alignment.align(left, right, seconds=60)
    assert found is not None
    assert farthest(found.similarity, truth(PLAIN, now, (mm, mm))) < EXACT


OTHERS = [
    (Kind.NEVUS_RETICULAR, 7, Kind.NEVUS_RETICULAR, 8),
    (Kind.NEVUS_RETICULAR, 9, Kind.MELANOMA, 10),
    (Kind.MELANOMA, 11, Kind.MELANOMA, 12),
    (Kind.NEVUS_RETICULAR, 13, Kind.NEVUS_RETICULAR, 14),
]


@pytest.mark.parametrize("pair", OTHERS)
def test_two_lesions_are_not_aligned(pair: tuple[Kind, int, Kind, int]) -> None:
    """One dark spot fits over another: the skin's detail must say no."""
    kind, seed, other, other_seed = pair
    left, _mm = picture(PLAIN, lesion=lesion(kind, seed))
    right, _mm = picture(PLAIN, lesion=lesion(other, other_seed), seed=2)
    best = alignment.attempt(left, right, seconds=60)
    assert best is None or not best.proved
    assert alignment.align(left, right, seconds=60) is None


def test_the_same_shape_over_other_skin_is_not_aligned() -> None:
    """Two smooth spots of one outline: nothing but the outline agrees."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:225, 0:300]
    spot = ((x - 150) / 70) ** 2 + ((y - 112) / 50) ** 2 < 1
    made = []
    for _each in range(2):
        rgb = np.where(spot[..., None], (110, 70, 60), (215, 170, 160)) + rng.normal(
            0, 6, (225, 300, 3)
        )
        made.append(Image.fromarray(rgb.clip(0, 255).astype(np.uint8)))
    assert alignment.align(made[0], made[1], seconds=60) is None


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 150, 140)])
def test_nothing_to_see(colour: tuple[int, int, int]) -> None:
    bare = Image.new("RGB", (300, 225), colour)
    left, _mm = picture(PLAIN)
    assert alignment.align(left, bare, seconds=60) is None
    assert alignment.align(bare, left, seconds=60) is None
    assert alignment.align(bare, bare, seconds=60) is None


def test_the_same_picture_is_laid_over_itself() -> None:
    left, _mm = picture(PLAIN)
    found = alignment.align(left, ImageEnhance.Brightness(left).enhance(0.8), seconds=60)
    assert found is not None
    assert farthest(found.similarity, Similarity(1, 0, 0, 0)) < 0.5


def test_time_is_limited() -> None:
    left, _mm = picture(PLAIN)
    with pytest.raises(TooLong):
        alignment.align(left, left, seconds=0)


def test_a_similarity_and_its_inverse() -> None:
    there = Similarity(1.3, 40, 12, -7)
    x, y = there.inverse().at(*there.at(31, 17))
    assert (x, y) == pytest.approx((31, 17))
    assert there.resized(2, 4).at(4 * 31, 4 * 17) == pytest.approx(
        tuple(2 * each for each in there.at(31, 17))
    )
