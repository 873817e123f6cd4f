"""What is fitted after the network: temperature, operating points, sets, limits; crossed folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.network import limits, posterior
from inference.network.classes import CLASSES, KEYS
from inference.network.metadata import Metadata
from inference.training import calibrate, fits, operating

EVEN = np.full(7, 1 / 7)
PRIOR = np.array([0.04, 0.05, 0.1, 0.02, 0.09, 0.67, 0.03])
ILL = np.array([row.malignant for row in CLASSES])
TARGETS = {"mel": 0.90, "bcc": 0.85, "akiec": 0.85}
TASK: dict[str, Any] = {
    "prior": PRIOR,
    "drawn_prior": EVEN,
    "classes": CLASSES,
    "targets": TARGETS,
}


def photographs(count: int = 3000, *, sure: float = 5.0, seed: int = 6) -> calibrate.OutOfFold:
    """Lesions with some images each, by a network twice as sure as it may be (2.5 is right)."""
    rng = np.random.default_rng(seed)
    of = np.sort(rng.integers(0, count // 2, count))
    truth = rng.choice(7, count // 2, p=PRIOR)[of]
    logits = 2.5 * np.eye(7)[truth] + rng.normal(0, 0.8, (count // 2, 7))[of]
    logits += rng.normal(0, 0.6, (count, 7))
    square = np.random.default_rng(0).normal((190, 150, 130), 25, (64, 64, 3))
    quality = limits.measure(np.clip(square, 0, 255).astype(np.uint8))
    return calibrate.OutOfFold(
        logits=sure * logits,
        image_only_logits=sure * (logits + rng.normal(0, 0.5, (count, 7))),
        distances=rng.gamma(50, 0.2, count),
        labels=truth,
        lesions=np.array([f"L{number}" for number in of]),
        folds=of % 4,
        quality=[quality] * count,
    )


@pytest.fixture(scope="module")
def part() -> calibrate.OutOfFold:
    return photographs()


@pytest.fixture(scope="module")
def fitted(part: calibrate.OutOfFold) -> dict[str, Any]:
    return calibrate.fit(part, **TASK)


class TestTemperature:
    def test_the_fitted_temperature_lowers_the_loss(self, part: calibrate.OutOfFold) -> None:
        warmth = fits.temperature(
            part.logits, part.labels, part.weights, drawn_prior=EVEN, prior=PRIOR
        )

        def loss(temperature: float) -> float:
            probability = posterior.probabilities(
                part.logits, temperature=temperature, drawn_prior=EVEN, prior=PRIOR
            )
            return fits.negative_log_likelihood(probability, part.labels, part.weights)

        assert warmth > 1.2
        assert loss(warmth) < loss(1) - 0.01
        assert loss(warmth) <= min(loss(warmth * 0.9), loss(warmth * 1.1))

    def test_a_lesion_counts_once_however_often_it_was_photographed(
        self, part: calibrate.OutOfFold
    ) -> None:
        assert part.weights.sum() == pytest.approx(len(np.unique(part.lesions)))
        twice = np.r_[np.arange(len(part)), np.arange(len(part))]
        again = fits.temperature(
            part.logits[twice],
            part.labels[twice],
            np.r_[part.weights, part.weights] / 2,
            drawn_prior=EVEN,
            prior=PRIOR,
        )
        once = fits.temperature(
            part.logits, part.labels, part.weights, drawn_prior=EVEN, prior=PRIOR
        )
        assert again == pytest.approx(once, rel=1e-3)


class TestTriage:
    def test_metadata_can_raise_an_alarm_and_never_call_one_off(self) -> None:
        rng = np.random.default_rng(2)
        fused, alone = rng.dirichlet(np.ones(7), (2, 50))
        scores = posterior.triage_scores(fused, alone, ILL)
        assert (scores >= fused[:, ILL].sum(axis=1)).all()
        assert (scores >= alone[:, ILL].sum(axis=1)).all()
        np.testing.assert_array_equal(scores, posterior.triage_scores(alone, fused, ILL))

    def test_the_least_threshold_decides(self) -> None:
        scores = np.array([0.1, 0.2, 0.3])
        assert posterior.urgent(scores, [0.3, 0.2]).tolist() == [False, True, True]


class TestOperatingPoints:
    def test_a_point_is_the_highest_that_keeps_its_promise(self) -> None:
        rng = np.random.default_rng(8)
        aimed, others = rng.beta(4, 2, 120), rng.beta(2, 4, 900)
        row = operating.point("mel", 0.9, aimed, others)
        found = int((aimed >= row["threshold"]).sum())
        assert row["sensitivity"] == found / 120
        assert row["sensitivity_low"] == operating.lower_bound(found, 120) >= 0.9
        # One lesion fewer would break it.
        assert operating.lower_bound(found - 1, 120) < 0.9
        higher = np.sort(aimed)[120 - found] + 1e-9
        assert (aimed >= higher).sum() == found - 1
        assert row["specificity"] == pytest.approx((others < row["threshold"]).mean())
        assert row["lesions"] == 120

    def test_the_bound_is_that_of_clopper_and_pearson(self) -> None:
        # All of n found: the bound is 0.1 to the power of 1 / n.
        assert operating.lower_bound(30, 30) == pytest.approx(0.1 ** (1 / 30))
        assert operating.lower_bound(0, 30) == 0

    def test_the_promise_is_kept_nine_times_in_ten(self) -> None:
        """Over many draws of 100 lesions, the true sensitivity is below the target in about 10 %
        of them at most."""
        rng = np.random.default_rng(1)
        broken = 0
        for _ in range(400):
            threshold = operating.point("mel", 0.85, rng.random(100), np.zeros(1))["threshold"]
            broken += 1 - threshold < 0.85
        assert broken / 400 < 0.13

    def test_what_cannot_be_promised_says_so(self) -> None:
        aimed = np.linspace(0.2, 0.9, 10)
        row = operating.point("mel", 0.9, aimed, np.array([0.1]))
        assert row["threshold"] == pytest.approx(0.2)
        assert row["sensitivity"] == 1
        assert row["sensitivity_low"] < 0.9
        assert [one["target"] for one in operating.curve("mel", aimed, np.zeros(1))] == [0.7, 0.75]

    def test_without_a_lesion_there_is_no_point(self) -> None:
        with pytest.raises(ValueError, match="No lesion of class mel"):
            operating.point("mel", 0.9, np.zeros(0), np.zeros(3))

    def test_more_sensitivity_costs_specificity(self, fitted: dict[str, Any]) -> None:
        for key in TARGETS:
            rows = [row for row in fitted["operating_curve"] if row["class"] == key]
            assert [row["target"] for row in rows] == sorted(row["target"] for row in rows)
            thresholds = [row["threshold"] for row in rows]
            assert thresholds == sorted(thresholds, reverse=True)
            assert all(row["sensitivity_low"] >= row["target"] for row in rows)
            specificities = [row["specificity"] for row in rows]
            assert specificities == sorted(specificities, reverse=True)

    def test_the_point_is_fitted_on_the_rule_that_is_applied(
        self, part: calibrate.OutOfFold, fitted: dict[str, Any]
    ) -> None:
        said = calibrate.speak(
            part, fitted["temperature"], prior=PRIOR, drawn_prior=EVEN, malignant=ILL
        )
        means = {
            lesion: said.triage_score[part.lesions == lesion].mean()
            for lesion in np.unique(part.lesions[part.labels == KEYS.index("mel")])
        }
        row = next(one for one in fitted["operating_points"] if one["name"] == "mel")
        found = [mean >= row["threshold"] for mean in means.values()]
        assert row["sensitivity"] == pytest.approx(np.mean(found))
        assert row["lesions"] == len(means)


class TestSets:
    def test_new_lesions_are_covered_as_promised(self, fitted: dict[str, Any]) -> None:
        new = photographs(seed=17)
        for name, promise in (("90", 0.90), ("95", 0.95)):
            for logits in (new.logits, new.image_only_logits):
                probability = posterior.probabilities(
                    logits, temperature=fitted["temperature"], drawn_prior=EVEN, prior=PRIOR
                )
                sets = posterior.prediction_sets(probability, PRIOR, fitted["sets"][name])
                held = sets[np.arange(len(new)), new.labels]
                covered = (held * new.weights).sum() / new.weights.sum()
                assert promise - 0.025 <= covered <= promise + 0.05

    def test_the_decision_is_always_in(self) -> None:
        probability = np.random.default_rng(0).dirichlet(np.full(7, 0.3), 300)
        sets = posterior.prediction_sets(probability, PRIOR, 0.1)
        decided = posterior.decisions(probability, PRIOR)
        assert sets[np.arange(300), decided].all()

    def test_weighted_quantile(self) -> None:
        values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.5, 0.3])
        assert fits.weighted_quantile(values, weights, 0.5) == 1
        assert fits.weighted_quantile(values, weights, 0.51) == 2
        assert fits.weighted_quantile(values, weights, 1.0) == 3


class TestLimits:
    def test_nearly_all_are_accepted(
        self, part: calibrate.OutOfFold, fitted: dict[str, Any]
    ) -> None:
        said = calibrate.speak(
            part, fitted["temperature"], prior=PRIOR, drawn_prior=EVEN, malignant=ILL
        )
        declined = calibrate.declined(part, said, fitted["limits"])
        share = (declined * part.weights).sum() / part.weights.sum()
        assert 0.001 < share <= 0.0101

    def test_undecided_and_unlike_is_worse_than_either(self, fitted: dict[str, Any]) -> None:
        assert fitted["limits"]["entropy_weight"] > 0


@pytest.fixture(scope="module")
def crossed(part: calibrate.OutOfFold) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    known = [Metadata(float(age), "male", "back") for age in rng.integers(20, 90, len(part))]
    return calibrate.cross_fitted(part, **TASK, known=known)


class TestCrossFitting:
    def test_a_fold_is_judged_with_the_fits_of_the_others(
        self, part: calibrate.OutOfFold, crossed: dict[str, Any]
    ) -> None:
        others = calibrate.fit(part.take(part.folds != 2), **TASK)
        row = crossed["folds"][2]
        assert row["fold"] == 2
        assert row["temperature"] == pytest.approx(others["temperature"])
        assert [one["threshold"] for one in row["operating_points"]] == [
            pytest.approx(one["threshold"]) for one in others["operating_points"]
        ]

    def test_what_is_in_a_fold_does_not_touch_its_own_fits(
        self, part: calibrate.OutOfFold, crossed: dict[str, Any]
    ) -> None:
        own = part.folds == 1
        spoiled = part.logits.copy()
        spoiled[own] = 0
        changed = calibrate.OutOfFold(**{**vars(part), "logits": spoiled})
        again = calibrate.cross_fitted(changed, **TASK)
        temperatures = [[row["temperature"] for row in one["folds"]] for one in (crossed, again)]
        assert temperatures[0][1] == pytest.approx(temperatures[1][1])
        assert temperatures[0][0] != pytest.approx(temperatures[1][0], rel=1e-3)

    def test_the_pool_counts_every_image(
        self, part: calibrate.OutOfFold, crossed: dict[str, Any]
    ) -> None:
        pooled = crossed["pooled"]
        assert sum(row["n"] for row in pooled["per_class"].values()) == len(part)
        assert sum(row["n"] for row in crossed["folds"]) == len(part)
        assert 0.86 <= pooled["coverage"]["90"] <= 0.94
        by_age = [row for row in pooled["subgroups"] if row["group"] == "age"]
        assert [row["value"] for row in by_age] == ["under 40", "40-59", "60 and over"]
        assert sum(row["n"] for row in by_age) == len(part)
        melanomas = len(np.unique(part.lesions[part.labels == KEYS.index("mel")]))
        assert [one["lesions"] for one in pooled["operating_points"] if one["name"] == "mel"] == [
            melanomas
        ]

    def test_one_fold_alone_cannot_be_crossed(self, part: calibrate.OutOfFold) -> None:
        with pytest.raises(ValueError, match="at least two folds"):
            calibrate.cross_fitted(part.take(part.folds == 0), **TASK)
