"""What comes out: probabilities, sets, pixel quality and likeness; arithmetic without Keras."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from inference.network import limits, posterior

PRIOR = np.array([0.7, 0.2, 0.1])
DRAWN = np.array([0.4, 0.35, 0.25])
LIMITS = {
    "smallest_side": 100.0,
    "lowest_contrast": 4.0,
    "largest_dark": 0.6,
    "largest_bright": 0.6,
    "lowest_sharpness": 0.05,
    "largest_distance": 10.0,
}


def test_an_uninformative_network_answers_with_the_prior() -> None:
    drawn = np.log(DRAWN)[None, :]
    answer = posterior.probabilities(drawn, temperature=1, drawn_prior=DRAWN, prior=PRIOR)
    np.testing.assert_allclose(answer, PRIOR[None, :])


def test_probabilities_sum_to_one_for_extreme_logits() -> None:
    logits = np.array([[1e4, -1e4, 0], [-500, -500, -500]], np.float32)
    answer = posterior.probabilities(logits, temperature=0.3, drawn_prior=DRAWN, prior=PRIOR)
    np.testing.assert_allclose(answer.sum(axis=1), 1)
    assert np.isfinite(answer).all()


def test_the_decision_ignores_how_frequent_a_class_is() -> None:
    probability = np.array([[0.72, 0.18, 0.10], [0.6, 0.2, 0.2]])
    assert posterior.decisions(probability, PRIOR).tolist() == [0, 2]


def test_set_scores_ignore_how_frequent_a_class_is() -> None:
    scores = posterior.set_scores(np.array([[0.7, 0.2, 0.1]]), PRIOR)
    np.testing.assert_allclose(scores, np.full((1, 3), 2 / 3))


def test_a_set_is_never_empty() -> None:
    probability = np.array([[0.2, 0.5, 0.3], [0.98, 0.01, 0.01]])
    sets = posterior.prediction_sets(probability, PRIOR, 0.6)
    assert sets.tolist() == [[False, True, True], [True, False, False]]


def noise(contrast: float = 40, level: float = 128) -> np.ndarray:
    pixels = np.random.default_rng(0).normal(level, contrast, (160, 160, 1))
    return np.repeat(np.clip(pixels, 0, 255), 3, axis=2).astype(np.uint8)


def smooth() -> np.ndarray:
    ramp = np.linspace(40, 200, 160)
    return np.repeat((ramp[:, None] + 0 * ramp[None, :])[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("square", "side", "distance", "expected"),
    [
        (noise(), 160, 5, None),
        (noise(), 99, 5, "too_small"),
        (np.full((160, 160, 3), 90, np.uint8), 160, 5, "blank"),
        (noise(20, 0), 160, 5, "too_dark"),
        (noise(20, 265), 160, 5, "too_bright"),
        (smooth(), 160, 5, "blurred"),
        (noise(), 160, 11, "unlike"),
    ],
)
def test_why_the_network_must_not_speak(
    square: np.ndarray, side: int, distance: float, expected: str | None
) -> None:
    assert limits.reason(side, limits.measure(square), distance, LIMITS) == expected


def test_sharpness_does_not_depend_on_contrast() -> None:
    one, two = limits.measure(noise(10)), limits.measure(noise(40))
    assert two.contrast > 3 * one.contrast
    assert two.sharpness == pytest.approx(one.sharpness, rel=0.05)


def test_every_reason_is_one_sentence() -> None:
    assert all(text.endswith(".") and text[0].isupper() for text in limits.REASONS.values())


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

    def test_it_is_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            limits.measure(noise()).contrast = 1.0  # type: ignore[misc]  # the point of the test
