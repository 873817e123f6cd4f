"""Calibration, intervals, comparisons, subgroups, and the figures made of them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve

from inference.evaluation import calibration, compare, metrics, ood, report, subgroups
from inference.evaluation.outcomes import Outcomes, Task, about, concatenate
from inference.network import posterior
from inference.network.classes import CLASSES, KEYS
from inference.network.metadata import Metadata

ILL = np.array([row.malignant for row in CLASSES])
TASK = Task(KEYS, ILL)
PRIOR = np.array([0.04, 0.05, 0.1, 0.02, 0.09, 0.67, 0.03])
MEL = KEYS.index("mel")


def forecaster(count: int, *, seed: int = 0, sure: float = 1.0) -> tuple[Any, Any]:
    """Truths drawn from the very probabilities that are said; `sure` beyond 1 overstates them."""
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(0.4 * PRIOR * 7, count)
    truth = np.array([rng.choice(7, p=row) for row in raw])
    said = np.maximum(raw, 1e-6) ** sure
    return truth, said / said.sum(axis=1, keepdims=True)


def outcomes(count: int = 600, *, seed: int = 0, known: list[Metadata] | None = None) -> Outcomes:
    truth, probability = forecaster(count, seed=seed)
    alone = forecaster(count, seed=seed + 100)[1]
    score = posterior.triage_scores(probability, alone, ILL)
    return Outcomes(
        truth=truth,
        units=np.array([f"L{row // 2}" for row in range(count)]),
        probability=probability,
        image_only=alone,
        decision=posterior.decisions(probability, PRIOR),
        triage_score=score,
        urgent=score >= 0.3,
        declined=np.arange(count) % 10 == 0,
        sets={
            name: posterior.prediction_sets(probability, PRIOR, limit)
            for name, limit in (("90", 0.8), ("95", 0.9))
        },
        lightness=np.random.default_rng(seed).uniform(60, 200, count),
        **about(known or [Metadata()] * count),
    )


def weights_for(part: Outcomes, resamples: int = 200) -> Any:
    return metrics.unit_weights(part.units, seed=0, resamples=resamples)


class TestExactIntervals:
    def test_they_are_those_of_the_beta_distribution(self) -> None:
        low, high = metrics.exact_bounds(17, 20)
        assert (low, high) == pytest.approx((beta.ppf(0.025, 17, 4), beta.ppf(0.975, 18, 3)))

    def test_none_and_all(self) -> None:
        assert metrics.exact_bounds(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
        assert metrics.exact_bounds(10, 10) == pytest.approx((0.025**0.1, 1))
        assert metrics.exact_bounds(0, 0) == (0, 1)

    def test_many_images_of_few_lesions_are_few(self) -> None:
        right = np.tile([True, True, True, False], 25)
        many = metrics.share_of(right, np.arange(100).astype(str))
        few = metrics.share_of(right, np.repeat(np.arange(20), 5).astype(str))
        assert many["value"] == few["value"] == 0.75
        assert few["lesions"] == 20
        assert few["low"] < many["low"] < 0.75 < many["high"] < few["high"]

    def test_of_nothing_nothing_is_told(self) -> None:
        assert metrics.share_of(np.zeros(0, bool), np.zeros(0, str))["value"] is None


class TestCalibration:
    def test_a_perfect_forecaster_has_no_error_but_scatter(self) -> None:
        plain, debiased = [], []
        for seed in range(12):
            truth, probability = forecaster(300, seed=seed)
            plain.append(calibration.calibration_error(truth, probability) or 0)
            debiased.append(calibration.debiased_error(truth, probability) or 0)
        assert np.mean(plain) > 0.03
        assert np.mean(debiased) < 0.6 * np.mean(plain)

    def test_a_real_error_stays(self) -> None:
        truth, probability = forecaster(4000, sure=3)
        plain = calibration.calibration_error(truth, probability) or 0
        debiased = calibration.debiased_error(truth, probability) or 0
        assert plain > 0.08
        assert debiased == pytest.approx(plain, rel=0.1)

    def test_brier_of_a_known_case(self) -> None:
        probability = np.array([[0.8, 0.2], [0.8, 0.2]])
        assert calibration.brier(np.array([0, 1]), probability) == pytest.approx((0.08 + 1.28) / 2)

    def test_slope_and_intercept_agree_with_scikit_learn(self) -> None:
        rng = np.random.default_rng(4)
        x = rng.normal(-1, 1.5, 800)
        ill = rng.random(800) < 1 / (1 + np.exp(-(0.4 + 0.7 * x)))
        [[intercept, slope]] = calibration.recalibration(
            ill, 1 / (1 + np.exp(-x)), np.ones((1, 800))
        )
        other = LogisticRegression(C=np.inf).fit(x[:, None], ill)
        assert slope == pytest.approx(other.coef_[0, 0], rel=1e-3)
        assert intercept == pytest.approx(other.intercept_[0], rel=1e-3)

    def test_overconfidence_is_a_slope_below_one(self) -> None:
        for sure, low, high in ((1, 0.85, 1.15), (3, 0.2, 0.5)):
            truth, probability = forecaster(4000, sure=sure)
            told = calibration.figures(truth, probability, ILL, np.ones((2, 4000)))
            assert low < told["slope"]["value"] < high

    def test_few_events_tell_no_slope(self) -> None:
        truth, probability = forecaster(60)
        keep = ~ILL[truth]
        told = calibration.figures(
            truth[keep], probability[keep], ILL, np.ones((2, int(keep.sum())))
        )
        assert told["slope"] == {"value": None, "low": None, "high": None}
        assert told["bins"] == 15
        assert told["brier"]["value"] > 0

    def test_the_bins_of_a_reliability_diagram_hold_everyone(self) -> None:
        truth, probability = forecaster(500)
        rows = calibration.reliability(truth, probability)
        assert len(rows) == 15
        assert sum(row["n"] for row in rows) == 500
        for row in rows:
            if row["n"]:
                assert row["low"] <= row["confidence"] <= row["high"]
                assert 0 <= row["accuracy"] <= 1
            else:
                assert row["confidence"] is None
        gaps = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in rows if row["n"])
        assert gaps / 500 == pytest.approx(calibration.calibration_error(truth, probability))


class TestCompare:
    def test_a_paired_difference_is_known_better_than_either(self) -> None:
        part = outcomes()
        worse = part.probability.copy()
        worse[:, MEL] += np.random.default_rng(5).uniform(0, 0.4, len(part))
        ill = part.truth == MEL
        one, two = (compare.area(ill, said[:, MEL]) for said in (worse, part.probability))
        told = compare.paired(part.units, one, two)
        assert told.value == pytest.approx(
            roc_auc_score(ill, part.probability[:, MEL]) - roc_auc_score(ill, worse[:, MEL])
        )
        assert told.low < told.value < told.high
        assert told.clear
        alone = np.std(one(weights_for(part, 1000))) + np.std(two(weights_for(part, 1000)))
        assert told.error < alone

    def test_the_same_twice_is_no_gain(self) -> None:
        part = outcomes()
        statistic = compare.balanced_accuracy(part.truth, part.decision, 7)
        told = compare.paired(part.units, statistic, statistic)
        assert (told.value, told.low, told.high, told.clear) == (0, 0, 0, False)

    def test_a_set_of_one_kind_cannot_be_compared(self) -> None:
        nothing = compare.area(np.ones(4, bool), np.arange(4.0))
        with pytest.raises(ValueError, match="too small or of one kind"):
            compare.paired(np.array(list("abcd")), nothing, nothing)

    def test_the_cheapest_that_is_as_good_is_taken(self) -> None:
        part = outcomes(1200)
        noisy = part.decision.copy()
        noisy[:4] = (noisy[:4] + 1) % 7
        poor = np.where(np.random.default_rng(0).random(1200) < 0.5, 0, part.decision)
        statistics = {
            name: compare.balanced_accuracy(part.truth, said, 7)
            for name, said in (("five", part.decision), ("three", noisy), ("one", poor))
        }
        costs = {"five": 200.0, "three": 120.0, "one": 20.0}
        chosen = compare.smallest_good_enough(costs, statistics, part.units)
        values = {name: float(one(np.ones((1, 1200)))[0]) for name, one in statistics.items()}
        assert values["one"] < values["three"]
        assert chosen == "three"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    ages = np.random.default_rng(7).choice([30, 50, 70], 900, p=[0.05, 0.5, 0.45])
    known = [
        Metadata(float(age), ("male", "female")[row % 2], "back" if row % 3 else None)
        for row, age in enumerate(ages)
    ]
    part = outcomes(900, known=known)
    return subgroups.figures(TASK, part, weights_for(part))


class TestSubgroups:
    def test_every_group_is_named_and_counted(self, rows: list[dict[str, Any]]) -> None:
        names = {
            group: [row["value"] for row in rows if row["group"] == group]
            for group in ("age", "sex", "site", "lightness")
        }
        assert names == {
            "age": ["under 40", "40-59", "60 and over"],
            "sex": ["female", "male"],
            "site": ["back"],
            "lightness": ["darkest", "middle", "lightest"],
        }
        for group in ("age", "sex", "lightness"):
            assert sum(row["n"] for row in rows if row["group"] == group) == 900

    def test_few_events_are_not_estimable(self, rows: list[dict[str, Any]]) -> None:
        young = rows[0]
        assert young["melanoma"] < 20
        assert young["melanoma_sensitivity"] is None
        assert young["melanoma_urgent"] is None
        assert young["not_estimable"]["melanoma_urgent"].startswith("not estimable: ")
        for row in rows:
            for name in ("malignant_auc", "malignant_urgent", "melanoma_urgent", "ece"):
                assert (row[name] is None) == (name in row["not_estimable"])

    def test_many_have_a_figure_with_its_interval(self, rows: list[dict[str, Any]]) -> None:
        old = next(row for row in rows if row["value"] == "60 and over")
        for name in ("balanced_accuracy", "melanoma_urgent", "malignant_auc"):
            low, high = old[f"{name}_95"]
            assert low <= old[name] <= high

    def test_under_40_is_named_even_when_nobody_is(self) -> None:
        part = outcomes(200, known=[Metadata(70.0)] * 200)
        rows = subgroups.figures(TASK, part, weights_for(part))
        assert [(row["value"], row["n"]) for row in rows if row["group"] == "age"] == [
            ("under 40", 0),
            ("60 and over", 200),
        ]

    def test_without_metadata_only_light_is_told_apart(self) -> None:
        part = outcomes(200)
        rows = subgroups.figures(TASK, part, weights_for(part))
        assert {row["group"] for row in rows} == {"lightness"}


@pytest.fixture(scope="module")
def part() -> Outcomes:
    return outcomes(700)


@pytest.fixture(scope="module")
def told(part: Outcomes) -> dict[str, Any]:
    return report.measure(TASK, part, [report.Point("mel", 0.3, 0.9)])


class TestMeasure:
    def test_it_is_json(self, told: dict[str, Any]) -> None:
        assert json.loads(json.dumps(told, allow_nan=False))["keys"] == list(KEYS)

    def test_accepted_only_stands_beside_all(self, part: Outcomes, told: dict[str, Any]) -> None:
        kept = ~part.declined
        assert told["accepted"]["n"] == kept.sum()
        score = part.probability[:, ILL].sum(axis=1)
        assert told["malignant_auc"] == pytest.approx(roc_auc_score(ILL[part.truth], score))
        assert told["accepted"]["malignant_auc"] == pytest.approx(
            roc_auc_score(ILL[part.truth][kept], score[kept])
        )
        declined = told["per_class"]["nv"]["declined"]
        assert declined["value"] == pytest.approx(part.declined[part.truth == 5].mean())

    def test_sets_of_malignant_lesions_without_a_malignant_class(
        self, part: Outcomes, told: dict[str, Any]
    ) -> None:
        ill = ILL[part.truth]
        for name, members in part.sets.items():
            missed = [not row[ILL].any() for row in members[ill]]
            row = told["sets"][name]["malignant_without_malignant"]
            assert row["value"] == pytest.approx(np.mean(missed))
            assert row["low"] <= row["value"] <= row["high"]
            assert sum(told["sets"][name]["sizes"]) == len(part)
            held = members[part.truth == MEL, MEL]
            assert told["sets"][name]["per_class"]["mel"]["value"] == pytest.approx(held.mean())

    def test_a_point_is_measured_on_lesions(self, part: Outcomes, told: dict[str, Any]) -> None:
        [row] = told["operating_points"]
        lesions = [f"{unit}/{label}" for unit, label in zip(part.units, part.truth, strict=True)]
        mel = sorted({name for name in lesions if name.endswith(f"/{MEL}")})
        found = [
            np.mean(part.triage_score[[one == name for one in lesions]]) >= 0.3 for name in mel
        ]
        assert row["lesions"] == len(mel)
        assert row["sensitivity"] == pytest.approx(np.mean(found))
        assert row["sensitivity_95"] == metrics.exact_bounds(sum(found), len(mel))

    def test_plots(self, part: Outcomes, told: dict[str, Any]) -> None:
        table = np.array(told["confusion"])
        assert table.sum() == len(part)
        assert table[MEL, MEL] == ((part.truth == MEL) & (part.decision == MEL)).sum()
        for label, key in enumerate(KEYS):
            points = np.array(told["roc"][key])
            assert 2 <= len(points) <= 100
            assert points[0].tolist() == [0, 0]
            assert points[-1].tolist() == [1, 1]
            assert (np.diff(points, axis=0) >= 0).all()
            area = np.trapezoid(points[:, 1], points[:, 0])
            assert area == pytest.approx(told["per_class"][key]["auc"], abs=0.01)
            wanted = roc_curve(part.truth == label, part.probability[:, label])[:2]
            assert np.interp(0.3, points[:, 0], points[:, 1]) == pytest.approx(
                np.interp(0.3, *wanted), abs=0.05
            )

    def test_nothing_at_all_is_null(self, part: Outcomes) -> None:
        told = report.measure(TASK, part.take(np.zeros(len(part), bool)), [])
        assert told["balanced_accuracy"] == {"value": None, "low": None, "high": None}
        assert told["ece"] is None
        assert told["sets"]["90"]["coverage"]["value"] is None
        assert told["roc"]["mel"] == []
        json.dumps(told, allow_nan=False)

    def test_folds_are_put_together(self, part: Outcomes) -> None:
        odd = np.arange(len(part)) % 2 == 1
        whole = concatenate([part.take(odd), part.take(~odd)])
        assert len(whole) == len(part)
        order = np.r_[np.flatnonzero(odd), np.flatnonzero(~odd)]
        for field in dataclasses.fields(part):
            if field.name != "sets":
                np.testing.assert_array_equal(
                    getattr(whole, field.name), getattr(part, field.name)[order]
                )
        np.testing.assert_array_equal(whole.sets["90"], part.sets["90"][order])


@dataclasses.dataclass(frozen=True)
class Seen:
    """As much of a finding as telling the strange from the known looks at."""

    embedding_distance: float
    probabilities: dict[str, float]
    declined_reason: str | None = None


class TestStrange:
    def test_distance_tells_and_entropy_adds(self) -> None:
        rng = np.random.default_rng(0)

        def seen(distance: float, sure: float) -> Any:
            said = rng.dirichlet(np.full(7, sure))
            return Seen(rng.normal(distance, 1), dict(zip(KEYS, said.tolist(), strict=True)))

        known: list[Any] = [seen(10, 0.1) for _ in range(150)]
        others: list[Any] = [seen(11, 2.0) for _ in range(100)]
        told = ood.told_apart(known, others, entropy_weight=3)
        area = roc_auc_score(
            [0] * 150 + [1] * 100, [one.embedding_distance for one in (*known, *others)]
        )
        assert told["auc"]["distance"]["value"] == pytest.approx(area)
        assert told["auc"]["both"]["value"] > told["auc"]["distance"]["value"]
        low, high = told["auc"]["both"]["low"], told["auc"]["both"]["high"]
        assert low <= told["auc"]["both"]["value"] <= high
        assert (told["n"], told["declined"]) == (100, 0)

    def test_against_nothing_it_is_null(self) -> None:
        told = ood.told_apart([], [])
        assert told["auc"]["both"] == {"value": None, "low": None, "high": None}
