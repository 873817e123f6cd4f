"""Figures, plots and the card of a package: drawn when they are there, "not measured" when not."""

from types import SimpleNamespace
from typing import Any

import pytest

from inference import cards, figures, plots
from inference.figures import Figure

KEYS = ["mel", "nv"]
WHOLE: dict[str, Any] = {
    "n": 100,
    "balanced_accuracy": {"value": 0.8, "low": 0.7, "high": 0.9},
    "malignant_auc": 0.95,
    "ece": 0.02,
    "intervals": {"malignant_auc": [0.9, 0.98], "mel_sensitivity": [0.5, 0.9]},
    "per_class": {"mel": {"n": 20, "sensitivity": 0.75, "specificity": 0.9, "auc": None}},
    "subgroups": [
        {"group": "age", "value": "under 40", "n": 60, "malignant": 3, "malignant_auc": 0.8},
        {"group": "sex", "value": "female", "n": 70, "malignant": 30, "malignant_auc": 0.9},
    ],
    "reliability": [
        {"low": 0.0, "high": 0.5, "n": 0, "confidence": None, "accuracy": None},
        {"low": 0.5, "high": 1.0, "n": 100, "confidence": 0.75, "accuracy": 0.5},
    ],
    "roc": {"mel": [[0.0, 0.0], [0.1, 0.8], [1.0, 1.0]], "nv": []},
    "confusion": [[15, 5], [0, 80]],
    "keys": KEYS,
}


def test_a_dot_lies_where_its_shares_are() -> None:
    (dot,) = plots.reliability(WHOLE) or []
    assert (dot.n, dot.x, dot.y) == (100, 150.0, 100.0)


def test_a_curve_goes_from_corner_to_corner() -> None:
    (curve,) = plots.roc(WHOLE, KEYS) or []
    assert curve.key == "mel"
    assert curve.path.startswith("M0.0,200.0") and curve.path.endswith("200.0,0.0")
    assert "20.0,40.0" in curve.path
    heights = {round(specificity, 2): height for specificity, height in curve.at}
    assert heights[0.95] == pytest.approx(0.4)
    assert heights[0.9] == pytest.approx(0.8)
    assert heights[0.5] == pytest.approx(0.8 + 0.2 * 4 / 9)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    points = [[each / 5000, (each / 5000) ** 0.5] for each in range(5001)]
    (curve,) = plots.roc({"roc": {"mel": points}}, KEYS) or []
    drawn = curve.path.split()
    assert len(drawn) < 400
    assert (drawn[0], drawn[-1]) == ("M0.0,200.0", "200.0,0.0")


def test_a_row_of_the_confusion_is_shaded_by_share() -> None:
    first, second = plots.confusion(WHOLE, KEYS) or []
    assert [(cell.count, cell.share, cell.shade, cell.right) for cell in first.cells] == [
        (15, 0.75, 4, True),
        (5, 0.25, 2, False),
    ]
    assert [cell.shade for cell in second.cells] == [0, 5]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"reliability": None, "roc": None, "confusion": None},
        {"reliability": [], "roc": {}, "confusion": []},
        {"reliability": [{"n": 3}], "roc": {"mel": [[2, 0]]}, "confusion": [[1, 2]]},
        {"reliability": "x", "roc": [1], "confusion": [["a", 0], [0, 0]]},
    ],
)
def test_what_cannot_be_drawn_is_not_measured(broken: dict[str, Any]) -> None:
    assert plots.reliability(broken) is None
    assert plots.roc(broken, KEYS) is None
    assert plots.confusion(broken, KEYS) is None


def test_a_headline_has_its_interval_wherever_it_stands() -> None:
    found = {str(line.name): line.figure for line in figures.headlines(WHOLE)}
    assert found["Balanced accuracy"] == Figure(0.8, 0.7, 0.9)
    assert found["Malignant or premalignant, AUC"] == Figure(0.95, 0.9, 0.98)
    assert found["Calibration error (ECE)"] == Figure(0.02)
    assert found["Outline of the lesion, Dice"] is None
    (auc,) = [
        line.figure
        for line in figures.headlines({"malignant_auc": 0.9, "malignant_auc_95": [0.8, 0.95]})
        if line.figure
    ]
    assert auc == Figure(0.9, 0.8, 0.95)


def test_a_class_that_was_not_measured_is_there() -> None:
    classes = [{"key": key, "display": key.upper(), "malignant": key == "mel"} for key in KEYS]
    melanoma, nevus = figures.classes(WHOLE, {"classes": classes})
    assert melanoma.sensitivity == Figure(0.75, 0.5, 0.9)
    assert (melanoma.n, melanoma.specificity, melanoma.auc) == (20, Figure(0.9), None)
    assert (nevus.n, nevus.sensitivity) == (None, None)


def test_few_events_are_not_estimable() -> None:
    young, women = figures.groups(WHOLE)
    assert "malignant_auc" in young.not_estimable
    assert (women.not_estimable, women.malignant_auc) == (frozenset(), Figure(0.9))
    told = {"not_estimable": {"ece": "few"}, "malignant": 3, "malignant_auc": 0.8}
    (row,) = figures.groups({"subgroups": [told | {"malignant_auc_95": [0.7, 0.9]}]})
    assert set(row.not_estimable) == {"ece"}
    assert row.malignant_auc == Figure(0.8, 0.7, 0.9)


def test_calibration_and_sets_with_their_intervals() -> None:
    whole = {
        "calibration": {"ece_debiased": {"value": 0.01, "low": 0.0, "high": 0.02}},
        "sets": {"90": {"coverage": {"n": 9, "value": 0.91, "low": 0.9, "high": 0.92}}},
        "coverage": {"90": 0.91, "95": 0.95},
    }
    found = {str(line.name): line.figure for line in figures.headlines(whole)}
    assert found["Calibration error, debiased"] == Figure(0.01, 0.0, 0.02)
    assert found["Truth in the 90 % set"] == Figure(0.91, 0.9, 0.92)
    assert found["Truth in the 95 % set"] == Figure(0.95)


def test_the_manifests_figures_stand_in() -> None:
    manifest = {"metrics": {"n": 3}}
    model: Any = SimpleNamespace(metrics=None, manifest=manifest)
    assert figures.of(model) == {"n": 3}
    model.metrics = {"n": 4}
    assert figures.of(model) == {"n": 4}


def test_a_card_is_safe_html_below_the_section() -> None:
    html = cards.html(
        "# Name\n\n## Part\n\nA *word* <script>alert(1)</script> [here](javascript:alert(1)).\n\n"
        "![x](https://elsewhere.example/x.png)\n\n| a |  |\n| --- | --- |\n| 1 | 2 |\n"
    )
    assert "<h3>Name</h3>" in html and "<h4>Part</h4>" in html
    assert "<em>word</em>" in html
    assert "<script" not in html and "&lt;script&gt;" in html
    assert 'href="javascript' not in html and "<img" not in html
    assert html.count('role="region"') == 1 and "<td>1</td>" in html
    assert html.count("<th>") == 1 and "<td></td>" in html, "an empty header is no header"
