"""When the network must not speak, or speaks with reservations: found in drawn photographs."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from inference.network import limits, pixels
from inference.network.limits import Judgement, Quality
from inference.network.preprocess import square

SIZE = (320, 240)
GOOD = Quality(contrast=40, brightness=150, dark=0, bright=0, sharpness=0.75)


@cache
def photograph(
    kind: Kind = Kind.NEVUS_HOMOGENEOUS,
    tone: SkinTone = SkinTone.TYPE_II,
    hairs: float = 0.0,
    exposure: float = 1.0,
    size: tuple[int, int] = SIZE,
) -> Image.Image:
    capture = dataclasses.replace(Capture.plain(), hairs=hairs, exposure=exposure)
    return Image.fromarray(draw(Spec(tone, Lesion(kind, 5), capture, size=size), 3).image)


def blurred(radius: float) -> Image.Image:
    return photograph().filter(ImageFilter.GaussianBlur(radius))


def drawn(kind: str, box: tuple[int, ...], colour: tuple[int, int, int]) -> Image.Image:
    image = photograph().copy()
    pen = ImageDraw.Draw(image)
    if kind == "ellipse":
        pen.ellipse(box, fill=colour)
    else:
        pen.line(box, fill=colour, width=10)
    return image


def shaded() -> Image.Image:
    light = np.linspace(1, 0.2, SIZE[0])[None, :, None]
    return Image.fromarray((np.asarray(photograph()) * light).astype(np.uint8))


def behind_a_curtain() -> Image.Image:
    hole = Image.new("L", SIZE, 0)
    ImageDraw.Draw(hole).ellipse((110, 70, 210, 170), fill=255)
    return Image.composite(photograph(), Image.new("RGB", SIZE), hole)


def page_of_text() -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    for row in range(8, 230, 14):
        ImageDraw.Draw(image).text((8, row), "A referral letter, line by line. " * 3, fill="black")
    return image


def judged(image: Image.Image, **changes: Any) -> Judgement:
    quality = limits.measure(square(image, 160))
    return limits.judge(min(image.size), quality, 0.0, 0.0, limits.DEFAULTS, **changes)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_good_photograph_has_no_limits(kind: Kind) -> None:
    assert judged(photograph(kind)) == Judgement(None, [])


@pytest.mark.parametrize("tone", list(SkinTone))
def test_dark_skin_is_no_dark_photograph(tone: SkinTone) -> None:
    assert judged(photograph(Kind.NEVUS_GLOBULAR, tone)) == Judgement(None, [])


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (lambda: photograph().resize((80, 60)), "too_small"),
        (lambda: Image.new("RGB", SIZE, (120, 90, 80)), "blank"),
        (behind_a_curtain, "too_dark"),
        (lambda: photograph(exposure=2.5), "too_bright"),
        (lambda: blurred(6), "blurred"),
        (lambda: blurred(20), "blurred"),
        (lambda: photograph().convert("L").convert("RGB"), "not_skin"),
        (page_of_text, "not_skin"),
    ],
)
def test_what_cannot_be_judged_is_declined(image: Any, code: str) -> None:
    assert judged(image()) == Judgement(code, [])


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (lambda: blurred(1.5), "soft"),
        (lambda: photograph(exposure=0.18), "underexposed"),
        (shaded, "uneven"),
        (lambda: drawn("ellipse", (135, 90, 190, 145), (255, 255, 255)), "reflections"),
        (lambda: photograph(hairs=1.0), "hair"),
        (lambda: drawn("line", (110, 70, 210, 170), (60, 40, 170)), "ink"),
        (lambda: drawn("line", (110, 70, 210, 170), (30, 140, 80)), "ink"),
    ],
)
def test_what_can_be_judged_less_well_is_limited(image: Any, code: str) -> None:
    found = judged(image())
    assert found.declined is None
    assert code in found.limited


def test_a_lesion_that_runs_over_the_edge_is_limited_once_its_mask_is_known() -> None:
    within, across = np.zeros((2, 40, 40), np.uint8)
    within[5:35, 5:35] = 255
    across[:30] = 255
    assert judged(photograph()).limited == []
    assert judged(photograph(), mask=within).limited == []
    assert judged(photograph(), mask=across).limited == ["border_cut"]


def test_hair_beside_the_lesion_does_not_count() -> None:
    grid = np.asarray(square(photograph(hairs=1.0), 160))
    hairy = pixels.hairs((grid @ np.array([0.299, 0.587, 0.114])).astype(np.uint8))
    bare = np.zeros((160, 160), np.uint8)
    row, column = next(
        (row, column)
        for row in range(0, 130, 5)
        for column in range(0, 130, 5)
        if not hairy[row : row + 22, column : column + 22].any()
    )
    bare[row + 1 : row + 21, column + 1 : column + 21] = 255
    assert limits.measure(grid).hair > 0.028
    assert limits.measure(grid, bare).hair == 0


def test_sharpness_depends_neither_on_contrast_nor_on_resolution() -> None:
    large = photograph(Kind.SEBORRHEIC_KERATOSIS, size=(900, 675))
    small = large.resize((200, 150), Image.Resampling.BICUBIC)
    pale = Image.eval(large, lambda value: 120 + value // 4)
    sharp, coarse, faint = (limits.measure(square(each, 160)) for each in (large, small, pale))
    assert faint.contrast < sharp.contrast / 3
    assert coarse.sharpness == pytest.approx(sharp.sharpness, rel=0.1)
    assert faint.sharpness == pytest.approx(sharp.sharpness, rel=0.1)
    values = [limits.measure(square(blurred(radius), 160)).sharpness for radius in (0.1, 1.5, 3, 6)]
    assert values == sorted(values, reverse=True)


def test_what_is_unlike_is_declined_the_sooner_the_less_decided_the_answer() -> None:
    held = {"largest_distance": 10.0, "entropy_weight": 2.0}
    codes = [
        limits.judge(160, GOOD, distance, entropy, held).declined
        for distance, entropy in ((9, 0.4), (9, 0.6), (11, 0.0))
    ]
    assert codes == [None, "unlike", "unlike"]


def test_a_manifest_moves_a_limit() -> None:
    assert limits.judge(120, GOOD, 0, 0, {}).declined is None
    assert limits.judge(120, GOOD, 0, 0, {"smallest_side": 150.0}).declined == "too_small"


def test_entropy_lies_between_nothing_and_everything() -> None:
    rows = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(limits.entropy(rows), [0, 1, 0.5], atol=1e-9)


class TestFit:
    def held_out(self, count: int = 2000) -> tuple[list[Quality], np.ndarray, np.ndarray]:
        rng = np.random.default_rng(2)
        quality = [
            dataclasses.replace(GOOD, sharpness=max(0.1, rng.normal(0.8, 0.12)))
            for _ in range(count)
        ]
        return quality, rng.gamma(9, 1, count), rng.random(count)

    def accepted(self, fitted: dict[str, float]) -> np.ndarray:
        rows = zip(*self.held_out(), strict=True)
        return np.array(
            [limits.judge(10**6, *row, fitted).declined is None for row in rows], np.bool_
        )

    @pytest.mark.parametrize("entropy_weight", [0.0, 3.0])
    def test_of_held_out_images_99_of_100_are_accepted_all_reasons_together(
        self, entropy_weight: float
    ) -> None:
        fitted = limits.fit_limits(*self.held_out(), entropy_weight=entropy_weight)
        assert self.accepted(fitted).mean() == pytest.approx(0.99, abs=0.0006)
        assert all(np.isfinite(value) for value in fitted.values())

    def test_each_lesion_counts_once(self) -> None:
        weights = np.where(np.arange(2000) < 1000, 0.1, 1.0)
        fitted = limits.fit_limits(*self.held_out(), weights=weights)
        share = (self.accepted(fitted) * weights).sum() / weights.sum()
        assert share == pytest.approx(0.99, abs=0.0012)

    def test_limits_of_pixels_are_widened_by_held_out_images_and_never_narrowed(self) -> None:
        quality, distances, _ = self.held_out()
        dim = [dataclasses.replace(row, brightness=12.0) for row in quality]
        fitted = limits.fit_limits(dim, distances)
        assert fitted["least_brightness"] <= 12
        for name in ("largest_dark", "largest_not_skin", "lowest_contrast"):
            assert fitted[name] == limits.DEFAULTS[name]

    def test_nothing_is_fitted_on_nothing(self) -> None:
        with pytest.raises(ValueError, match="images"):
            limits.fit_limits([], np.array([]))


@pytest.mark.parametrize("sentence", [*limits.REASONS.values(), *limits.LIMITED.values()])
def test_every_reason_is_a_sentence(sentence: str) -> None:
    assert sentence[0].isupper() and sentence.endswith(".")


class TestLikeness:
    def test_far_is_further_than_near(self) -> None:
        rng = np.random.default_rng(4)
        labels = np.repeat(np.arange(3), 300)
        means = rng.normal(0, 5, (3, 24))
        embedding = (means[labels] + rng.normal(0, 1, (900, 24))).astype(np.float32)
        likeness = limits.fit_likeness(embedding, labels, 3)
        near = likeness.distances(embedding)
        far = likeness.distances(rng.normal(0, 25, (50, 24)).astype(np.float32))
        assert np.quantile(near, 0.99) < far.min()
        again = limits.Likeness.from_arrays(likeness.arrays())
        np.testing.assert_array_equal(again.distances(embedding), near)
