"""The card of a package: what it says, of which task, and what it admits not to know."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from inference import package
from inference.evaluation import report
from inference.network import task as tasks
from inference.network.metadata import Metadata
from inference.training import card
from tests import packages
from tests.inference.test_evaluation_figures import TASK, outcomes


def manifest(name: str, **changes: Any) -> dict[str, Any]:
    task = tasks.load(name)
    return packages.manifest(
        classes=task.classes,
        fields=task.fields,
        task=task.name,
        title=task.title,
        modality=task.modality,
        intended_use=task.intended_use,
        intended=dict(task.intended),
        terms=task.terms,
        limits_text=task.limits_text,
        data={
            "source": task.source,
            "terms": task.data_terms,
            "grouping": task.grouping,
            "images": 592,
            "groups": 466,
            "folds": 5,
            "seed": 7,
        },
        **changes,
    )


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    ages = np.random.default_rng(1).choice([30.0, 50.0, 70.0], 500, p=[0.05, 0.45, 0.5])
    part = outcomes(500, known=[Metadata(float(age)) for age in ages])
    told = report.measure(TASK, part, [report.Point("mel", 0.3, 0.9)])
    return {"n": 500, **told, "declined": int(part.declined.sum()), "dice": 0.91, "jaccard": 0.84}


@pytest.mark.parametrize("name", tasks.SHIPPED)
def test_it_says_what_a_package_is_for_and_made_from(name: str) -> None:
    task = tasks.load(name)
    text = card.draft(manifest(name))
    for part in (task.intended_use, task.terms, task.source, task.data_terms):
        assert part in text
    assert task.limits_text.strip() in text
    assert f"images other than {task.modality}" in text
    assert "people under 18 years" in text
    assert f"592 images of 466 {task.grouping}s" in text
    assert "Not yet measured." in text
    for row in task.classes:
        assert row.display in text


def test_figures_stand_with_their_intervals(figures: dict[str, Any]) -> None:
    text = card.draft(manifest("ham10000"), figures)
    accuracy = figures["balanced_accuracy"]
    shown = f"{accuracy['value']:.3f} ({accuracy['low']:.3f}–{accuracy['high']:.3f})"
    assert f"| balanced accuracy | {shown} |" in text
    assert f"| declined | {figures['declined']} of 500 |" in text
    assert "| outline of the lesion, Dice | 0.910 |" in text
    assert "Not yet measured." not in text


def test_few_events_are_said_to_be_few(figures: dict[str, Any]) -> None:
    text = card.draft(manifest("ham10000"), figures)
    [young] = [line for line in text.splitlines() if line.startswith("| age | under 40 |")]
    assert young.count("not estimable") >= 2


def test_a_promise_that_cannot_be_kept_is_admitted() -> None:
    whole = manifest("pad_ufes_20")
    text = card.draft(whole)
    assert "too few" not in text
    whole["operating_points"][1]["sensitivity_low"] = 0.7
    key = whole["operating_points"][1]["name"]
    assert f"For {key} too few patients were there to promise the target" in card.draft(whole)


def test_out_of_fold_names_the_young(figures: dict[str, Any]) -> None:
    crossed = {
        "folds": [{"fold": 3, **report.short(TASK, outcomes(200), [])}],
        "pooled": figures,
    }
    text = card.draft(manifest("ham10000"), {**figures, "out_of_fold": crossed})
    young = next(row for row in figures["subgroups"] if row["value"] == "under 40")
    assert f"Under 40 years: {young['melanoma']} melanomas, too few to tell." in text
    assert "| 3 | 200 |" in text


def test_whom_the_images_show_survives_the_manifest() -> None:
    known = [Metadata(30, "male", "lower extremity"), Metadata(30, "male"), Metadata(17)]
    told = card.population(("mel", "nv"), [0, 0, 1], ["A", "A", "B"], known)
    kept = tomllib.loads(package.dump({"population": told}))["population"]
    assert kept == told
    assert kept["classes"] == ["mel: 2 images of 1", "nv: 1 images of 1"]
    assert kept["sex"] == ["male: 2", "unknown: 1"]
    assert (kept["under_40"], kept["under_18"]) == (3, 1)
    text = card.draft(manifest("ham10000", population=told))
    assert "under 40: 3, under 18: 1" in text


def test_ages_that_nobody_wrote_down_are_unknown() -> None:
    told = card.population(("mel",), [0], ["A"], [Metadata()])
    assert "| age | unknown |" in card.draft(manifest("ham10000", population=told))
