"""Figures against scikit-learn, intervals that cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from inference.evaluation import calibration, metrics


def sample(count: int = 400, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(7, count)
    raw = np.exp(rng.normal(0, 1, (count, 7)) + 1.2 * np.eye(7)[truth])
    probability = raw / raw.sum(axis=1, keepdims=True)
    return truth, probability.argmax(axis=1), probability


class TestMetrics:
    def test_they_agree_with_scikit_learn(self) -> None:
        truth, decision, probability = sample()
        counts = metrics.confusion(truth, decision, 7)
        assert metrics.balanced_accuracy(counts) == pytest.approx(
            balanced_accuracy_score(truth, decision)
        )
        for label in range(7):
            same = truth == label
            assert metrics.sensitivity(counts, label) == pytest.approx(
                recall_score(same, decision == label)
            )
            assert metrics.specificity(counts, label) == pytest.approx(
                recall_score(~same, decision != label)
            )
            assert metrics.auc(same, probability[:, label]) == pytest.approx(
                roc_auc_score(same, probability[:, label])
            )

    def test_a_weight_of_two_is_a_row_twice(self) -> None:
        truth, decision, probability = sample(60)
        weights = np.random.default_rng(1).integers(0, 3, 60).astype(float)
        again = np.repeat(np.arange(60), weights.astype(int))
        np.testing.assert_array_equal(
            metrics.confusion(truth, decision, 7, weights),
            metrics.confusion(truth[again], decision[again], 7),
        )
        rounded = probability[:, 2].round(1)
        [area] = metrics.resampled_auc(truth == 2, rounded, weights[None, :])
        assert area == pytest.approx(roc_auc_score(truth[again] == 2, rounded[again]))

    def test_what_a_set_cannot_tell_is_none(self) -> None:
        counts = metrics.confusion(np.array([1, 1]), np.array([1, 0]), 7)
        assert metrics.sensitivity(counts, 4) is None
        assert metrics.balanced_accuracy(counts) == 0.5
        assert metrics.auc(np.array([True, True]), np.array([0.1, 0.2])) is None
        assert metrics.balanced_accuracy(np.zeros((7, 7))) is None
        assert calibration.calibration_error(np.zeros(0, int), np.zeros((0, 7))) is None
        assert metrics.spread([None, None]) is None
        alone = metrics.resampled_auc(np.array([True]), np.array([0.5]), np.ones((2, 1)))
        assert np.isnan(alone).all()
        assert metrics.auc(np.zeros(0, bool), np.zeros(0)) is None

    def test_calibration_error_of_a_known_case(self) -> None:
        probability = np.tile([0.8, 0.2], (10, 1))
        truth = np.array([0] * 5 + [1] * 5)
        assert calibration.calibration_error(truth, probability) == pytest.approx(0.3)

    def test_intervals_cover_the_truth(self) -> None:
        """Of 60 samples of lesions with two like images each, about 57 intervals hold 0.7."""
        rng = np.random.default_rng(3)
        units = np.repeat([f"L{number}" for number in range(120)], 2)
        covered = 0
        for seed in range(60):
            right = np.repeat(rng.random(120) < 0.7, 2)
            weights = metrics.unit_weights(units, seed=seed, resamples=300)
            everyone = np.ones(240, bool)
            low, high = metrics.spread(metrics.resampled_share(right, everyone, weights)) or (0, 0)
            covered += low <= 0.7 <= high
        assert 51 <= covered <= 60

    def test_images_of_a_lesion_are_drawn_together(self) -> None:
        units = np.array(["a", "b", "a", "c"])
        weights = metrics.unit_weights(units, seed=0, resamples=50)
        np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
        assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
