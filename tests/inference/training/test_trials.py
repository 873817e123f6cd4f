"""Short runs that compare ways of training: what they see, and what they must not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.training import fit, study, trials
from inference.training.config import Config
from inference.training.study import Study
from inference.training.views import Views


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "EPOCHS", 1)
    monkeypatch.setattr(trials, "BATCH", 8)


@pytest.fixture
def opened(folder: Path, small: Config, tmp_path: Path) -> Study:
    return study.open_study(folder, small, tmp_path / "work")


@pytest.mark.usefixtures("brief")
def test_ways_are_compared_in_pairs(opened: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, set[int]] = {}
    whole = fit.fit

    def watched(draws: Any, config: Config, weights: Path, checkpoints: Path) -> Any:
        drawn[checkpoints.name] = set(draws.rows.tolist())
        return whole(draws, config, weights, checkpoints)

    monkeypatch.setattr(trials, "fit", watched)
    # One of each kind: every run compiles a network.
    monkeypatch.setattr(trials.imbalance, "WAYS", ("sampler", "logit adjustment"))
    monkeypatch.setattr(trials, "FUSIONS", ("metablock", "image only"))
    found = trials.answer(opened, [0], ["df", "vasc"])

    base = found["imbalance"]["sampler"]
    assert "against" not in base
    told = found["imbalance"]["logit adjustment"]
    gap = told["balanced_accuracy"]["value"] - base["balanced_accuracy"]["value"]
    assert told["against"]["value"] == pytest.approx(gap)
    assert told["against"]["low"] <= told["against"]["high"]
    # What sees no metadata says the same whatever is missing.
    alone = found["fusion"]["image only"]
    assert alone["0"]["balanced_accuracy"] == alone["100"]["balanced_accuracy"]
    assert found["fusion"]["metablock"]["0"] == base
    assert found["left out"]["classes"] == ["df", "vasc"]
    assert 0 <= found["left out"]["auc"]["both"]["value"] <= 1

    held = set(np.flatnonzero(opened.fold == 0).tolist())
    out = np.isin(opened.task.keys, ["df", "vasc"])
    strange = set(np.flatnonzero(out[opened.labels]).tolist())
    assert found["left out"]["n"] == len(held & strange)
    assert all(rows and not rows & held for rows in drawn.values())
    unseen = next(rows for name, rows in drawn.items() if "df" in name)
    assert not unseen & strange

    drawn.clear()
    assert trials.answer(opened, [0], ["df", "vasc"]) == found
    assert not drawn


def test_stored_maps_go_on_as_the_whole_network_would(
    opened: Study, small: Config, tmp_path: Path
) -> None:
    from inference.network import mobilenet
    from inference.network.preprocess import square

    shallow = dataclasses.replace(
        opened,
        work=tmp_path / "deeper",
        config=dataclasses.replace(
            small, network=dataclasses.replace(small.network, stem_blocks=6)
        ),
    )
    stem = mobilenet.stem(small.network.size, 6)
    mobilenet.load_imagenet(stem, opened.weights)
    squares = np.stack(
        [square(opened.coarse[row.image_id], small.network.size) for row in opened.examples]
    )
    maps = np.asarray(stem.predict(squares.astype(np.float32), verbose=0), np.float16)
    each = np.arange(len(maps))
    shallow.__dict__["views"] = Views(maps, each, np.ones_like(each))

    made = trials.Trials(shallow, [0])

    assert made.views.maps.shape == made.plain.shape
    gap = np.abs(made.views.maps.astype(np.float32) - made.plain.astype(np.float32)).max()
    assert gap < 0.02 * np.abs(made.plain).max()
