"""What comes out: probabilities and sets; arithmetic without Keras."""

from __future__ import annotations

import numpy as np

from inference.network import posterior

PRIOR = np.array([0.7, 0.2, 0.1])
DRAWN = np.array([0.4, 0.35, 0.25])


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
