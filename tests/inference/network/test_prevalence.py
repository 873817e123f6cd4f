"""Bayes' rule between two prevalences, against counting."""

import math

import pytest

from inference.network.prevalence import ppv_npv, reweight, shift

SEVEN = {"nv": 0.55, "mel": 0.2, "bkl": 0.1, "bcc": 0.06, "akiec": 0.04, "df": 0.03, "vasc": 0.02}
MALIGNANT = {"mel", "bcc", "akiec"}


def test_counted_by_hand() -> None:
    # Of 1000 lesions 190 are malignant. A sign that 95 of those and 81 of the 810 benign ones show
    # speaks for malignancy with 95/176. In a clinic with 20 malignant of 1000, 10 and 98 show it.
    moved = shift(95 / 176, prior=0.19, prevalence=0.02)
    assert moved == pytest.approx(10 / 108)


def test_odds_within_malignant_and_within_benign_stay() -> None:
    moved = reweight(SEVEN, MALIGNANT, prior=0.19, prevalence=0.02)
    assert sum(moved.values()) == pytest.approx(1)
    assert moved["mel"] / moved["bcc"] == pytest.approx(SEVEN["mel"] / SEVEN["bcc"])
    assert moved["nv"] / moved["df"] == pytest.approx(SEVEN["nv"] / SEVEN["df"])
    malignant = sum(moved[key] for key in MALIGNANT)
    assert malignant == pytest.approx(shift(0.3, prior=0.19, prevalence=0.02))
    assert malignant < 0.3


def test_there_and_back_again() -> None:
    there = reweight(SEVEN, MALIGNANT, prior=0.19, prevalence=0.6)
    assert reweight(there, MALIGNANT, prior=0.6, prevalence=0.19) == pytest.approx(SEVEN)
    assert reweight(SEVEN, MALIGNANT, prior=0.19, prevalence=0.19) == pytest.approx(SEVEN)


def test_the_order_of_lesions_is_kept() -> None:
    shares = [step / 50 for step in range(51)]
    moved = [shift(share, prior=0.19, prevalence=0.02) for share in shares]
    assert moved == sorted(moved)
    assert (moved[0], moved[-1]) == (0, 1)


def test_predictive_values_counted() -> None:
    # 10 000 lesions, 200 malignant: 180 found, 20 missed; of 9800 benign ones 1960 alarmed.
    found = ppv_npv(0.9, 0.8, 0.02)
    assert found.positive == pytest.approx(180 / 2140)
    assert found.negative == pytest.approx(7840 / 7860)
    assert math.isnan(ppv_npv(0, 1, 0.02).positive)


@pytest.mark.parametrize(("prior", "wanted"), [(0, 0.1), (1, 0.1), (0.19, 0), (0.19, 1)])
def test_a_prevalence_that_is_none(prior: float, wanted: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        reweight(SEVEN, MALIGNANT, prior=prior, prevalence=wanted)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(1.1, 0.5), (0.5, -0.1)])
def test_shares_that_are_none(sensitivity: float, specificity: float) -> None:
    with pytest.raises(ValueError, match="shares of one"):
        ppv_npv(sensitivity, specificity, 0.1)
