"""The whole way from a folder to packages, at a small size; nothing of it is faked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference import package
from inference.training import augment, config, datasets, folds
from inference.training.config import Config
from inference.training.datasets import DataUnusable


def test_the_whole_way_from_a_folder_to_packages(
    folder: Path, small: Config, tmp_path: Path
) -> None:
    from inference.engine import Engine
    from inference.training import build, study

    opened = study.open_study(folder, small, tmp_path / "work")
    study.train(opened, opened.runs)
    standard, fast = build.kinds(opened)
    made = build.build(opened, standard, tmp_path / "standard")

    images = [row.image_id for row in opened.examples]
    listed = made.training_ids.read_text().split()
    assert listed == sorted(images)
    digest = hashlib.sha256(made.training_ids.read_bytes()).hexdigest()
    assert made.manifest["data"]["training_ids_sha256"] == digest
    assert {point.name for point in made.operating_points} == {"mel", "bcc", "akiec"}
    assert made.mask

    # The card's figures are those of a network that saw nothing of the last fold.
    tested = package.read(tmp_path / "work" / "tested-standard")
    kept = {images[row] for row in np.flatnonzero(opened.fold == folds.TEST_FOLD)}
    assert kept
    assert kept.isdisjoint(tested.training_ids.read_text().split())
    figures = json.loads(made.metrics.read_text())
    assert figures["n"] == len(kept)
    assert figures["package"]["sha256"] == tested.sha256 != made.sha256
    assert 0 <= figures["dice"] <= 1
    assert "CC BY-NC 4.0" in made.card

    engine = Engine.load(build.build(opened, fast, tmp_path / "fast").folder, batch_sizes=(1,))
    assert engine.package.symmetries == 1


def test_a_run_never_sees_the_fold_it_predicts(folder: Path, small: Config, tmp_path: Path) -> None:
    from inference.training import study

    opened = study.open_study(folder, small, tmp_path / "work")
    groups = opened.groups
    for number, run in enumerate(opened.developments):
        rows = opened.rows(run)
        seen = set(groups[rows])
        assert seen.isdisjoint(groups[opened.fold == number])
        assert seen.isdisjoint(groups[opened.fold == folds.TEST_FOLD])
        assert len(rows) + (opened.fold == number).sum() == (opened.fold != 4).sum()
    assert len(opened.rows("member0")) == len(opened.examples)
    with pytest.raises(ValueError, match="fold4 is no run"):
        opened.rows("fold4")


def test_folds_are_kept(folder: Path, small: Config, tmp_path: Path) -> None:
    from inference.training import study

    first = study.open_study(folder, small, tmp_path / "work").fold
    other = dataclasses.replace(small, seed=small.seed + 1)
    np.testing.assert_array_equal(study.open_study(folder, other, tmp_path / "work").fold, first)


def test_a_missing_image_is_named(folder: Path, small: Config, tmp_path: Path) -> None:
    from inference.training import study

    (folder / "images" / "ISIC_0007.jpg").unlink()
    with pytest.raises(DataUnusable, match="lacks 1 of 105 images, ISIC_0007"):
        study.open_study(folder, small, tmp_path / "work")


def test_an_absent_class_is_named(folder: Path, small: Config, tmp_path: Path) -> None:
    from inference.training import study

    table = folder / datasets.TABLE
    table.write_text(table.read_text().replace(",df,", ",nv,"))
    with pytest.raises(DataUnusable, match="No image of class df"):
        study.open_study(folder, small, tmp_path / "work")


def test_finer_copies_may_be_absent(folder: Path, small: Config, tmp_path: Path) -> None:
    from inference.training import study

    shutil.rmtree(folder / "images_224")
    opened = study.open_study(folder, small, tmp_path / "work")
    assert "ISIC_0000" in opened.coarse
    assert "ISIC_0000" not in opened.fine
    assert not augment.fine_draws(opened.examples, opened.fine, 0.4).any()


def test_missing_encoder_weights_are_named(folder: Path) -> None:
    from inference.training import study

    with pytest.raises(DataUnusable, match="ImageNet"):
        study.encoder_weights(folder, config.load())
