"""Views and runs: honest draws, four ways against imbalance, resuming where it broke off."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.network.metadata import DERMOSCOPY, Metadata
from inference.training import config, curves, imbalance, views
from inference.training.config import Config, Fit
from inference.training.datasets import Example

LABELS = np.repeat(np.arange(7), [4, 4, 4, 4, 4, 100, 4])
EXAMPLES = [Example(f"I{n}", f"L{n}", int(label), Metadata(40)) for n, label in enumerate(LABELS)]


def way(name: str) -> Fit:
    return dataclasses.replace(config.load().fit, imbalance=name, batch=16)


@pytest.fixture
def some_views() -> views.Views:
    count = views.counts(LABELS, config.load())
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    numbers = np.arange(count.sum(), dtype=np.float16)[:, None, None, None]
    return views.Views(numbers.repeat(4, axis=3), first, count)


class TestViews:
    def test_rarer_classes_have_more_views(self) -> None:
        settings = config.load()
        count = views.counts(LABELS, settings)
        assert set(count[LABELS == 5]) == {settings.views.fewest}
        assert set(count[LABELS == 0]) == {settings.views.most}

    def test_a_pick_is_a_view_of_that_image(self, some_views: views.Views) -> None:
        rng = np.random.default_rng(0)
        rows = rng.integers(0, len(LABELS), 200)
        picked = some_views.pick(rows, rng)[:, 0, 0, 0]
        assert (some_views.first[rows] <= picked).all()
        assert (picked < some_views.first[rows] + some_views.count[rows]).all()

    def test_an_interrupted_drawing_goes_on(
        self, folder: Path, small: Config, tmp_path: Path
    ) -> None:
        from inference.training.study import open_study

        whole = open_study(folder, small, tmp_path / "whole").views
        halted = open_study(folder, small, tmp_path / "halted")
        kept = halted.work / "cache" / "views.npy"
        np.save(kept, np.zeros(whole.maps.shape, np.float16))
        maps = np.load(kept, mmap_mode="r+")
        maps[:40] = whole.maps[:40]
        maps.flush()
        kept.with_suffix(".done").write_text("40")
        resumed = halted.views
        np.testing.assert_array_equal(resumed.maps[:40], whole.maps[:40])
        np.testing.assert_allclose(resumed.maps[40:], whole.maps[40:], atol=0.02)
        assert np.abs(np.asarray(whole.maps, np.float32)).max() > 0


class TestImbalance:
    def test_a_sampler_draws_by_the_power_of_the_count(self) -> None:
        plan = imbalance.plan(LABELS, 7, way("sampler"))
        assert plan.chance.sum() == pytest.approx(1)
        np.testing.assert_allclose(plan.prior, np.array([2] * 5 + [10, 2]) / 22)
        assert plan.weights.tolist() == [1] * 7

    def test_the_others_draw_classes_as_they_are(self) -> None:
        for name in ("logit adjustment", "class-balanced"):
            plan = imbalance.plan(LABELS, 7, way(name))
            np.testing.assert_allclose(plan.chance, 1 / len(LABELS))

    def test_effective_numbers_weigh_the_rare_more(self) -> None:
        plan = imbalance.plan(LABELS, 7, way("class-balanced"))
        assert plan.weights[0] > 10 * plan.weights[5]
        assert plan.weights @ np.bincount(LABELS) / len(LABELS) == pytest.approx(1)

    def test_adjusted_logits_need_less_for_a_rare_class(self) -> None:
        """With even logits the loss of a rare class is greater by the log of the odds."""
        settings = dataclasses.replace(way("logit adjustment"), label_smoothing=0.0)
        plan = imbalance.plan(LABELS, 7, settings)
        np.testing.assert_allclose(plan.prior, 1 / 7)
        even = np.zeros((2, 7), np.float32)
        truth = np.eye(7, dtype=np.float32)[[0, 5]]
        rare, common = np.asarray(imbalance.loss(settings, plan)(truth, even))
        assert rare - common == pytest.approx(np.log(100 / 4), rel=1e-4)

    def test_focus_leaves_what_is_sure_alone(self) -> None:
        plan = imbalance.plan(LABELS, 7, way("focal"))
        truth = np.eye(7, dtype=np.float32)[[0]]
        losses = [
            float(
                imbalance.loss(dataclasses.replace(way(name), label_smoothing=0.0), plan)(
                    truth, 4 * truth
                )
            )
            for name in ("focal", "sampler")
        ]
        assert losses[0] < 0.1 * losses[1]


class TestRuns:
    def test_draws_depend_on_seed_epoch_and_step_alone(self, some_views: views.Views) -> None:
        from inference.training.fit import Draws

        settings = dataclasses.replace(config.load(), fit=way("sampler"))
        rows = np.arange(0, len(EXAMPLES), 2)
        one, two = (
            Draws(EXAMPLES, rows, some_views, DERMOSCOPY, settings, classes=7, seed=3) for _ in "ab"
        )
        one.on_epoch_end()
        two.epoch = 1
        (first, truth, weights), (again, same, _) = one[2], two[2]
        np.testing.assert_array_equal(first["maps"], again["maps"])
        np.testing.assert_array_equal(first["metadata"], again["metadata"])
        np.testing.assert_array_equal(truth, same)
        assert not np.array_equal(one[1][0]["maps"], first["maps"])
        assert truth.sum(axis=1).tolist() == weights.tolist() == [1] * 16
        # Only images of the run's own rows are drawn, and each with its own label.
        owner = np.searchsorted(some_views.first, first["maps"][:, 0, 0, 0], side="right") - 1
        assert set(owner) <= set(rows)
        np.testing.assert_array_equal(LABELS[owner], truth.argmax(axis=1))

    def test_a_broken_run_goes_on_where_it_stopped(self, tmp_path: Path) -> None:
        """Three epochs at once, and one and two with another process's empty model between."""
        import keras

        from inference.training.fit import Checkpoints, restore

        rng = np.random.default_rng(0)
        inputs, outputs = rng.normal(size=(32, 5)), rng.normal(size=(32, 2))

        def model() -> Any:
            made = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
            optimizer = keras.optimizers.AdamW(0.05, use_ema=True, ema_momentum=0.9)
            optimizer.build(made.trainable_variables)
            made.compile(optimizer, "mse", jit_compile=False)
            return made

        def train(made: Any, folder: Path, epochs: int, done: int = 0) -> Any:
            folder.mkdir(exist_ok=True)
            saving = Checkpoints(made, folder / "state.npz")
            made.fit(
                *(inputs, outputs, 8, epochs),
                initial_epoch=done,
                shuffle=False,
                verbose=0,
                callbacks=[saving],
            )
            with np.load(folder / "averaged.npz") as saved:
                return dict(saved)

        start = [np.asarray(variable) for variable in model().variables]

        def fresh() -> Any:
            made = model()
            made.set_weights(start)
            return made

        whole = train(fresh(), tmp_path / "whole", 3)
        train(fresh(), tmp_path / "parts", 1)
        other = model()
        done = restore(other, tmp_path / "parts" / "state.npz")
        assert done == 1
        resumed = train(other, tmp_path / "parts", 3, done)
        with np.load(tmp_path / "parts" / "state.npz") as saved:
            raw = saved["v0000"]
        for one, two in zip(whole.values(), resumed.values(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5)
        # What is kept for a look is the average, and training goes on from the weights themselves.
        assert np.abs(next(iter(resumed.values())) - raw).max() > 1e-4

    def test_curves_are_drawn(self, tmp_path: Path) -> None:
        out = tmp_path / "curves.svg"
        curves.draw(tmp_path, out)
        assert not out.exists()
        (tmp_path / "fold0").mkdir()
        (tmp_path / "fold0" / "log.csv").write_text("epoch,loss\n0,2.0\n1,0.5\n")
        curves.draw(tmp_path, out)
        drawn = out.read_text()
        assert "fold0 0.500" in drawn
        [points] = [line for line in drawn.splitlines() if line.startswith("<polyline")]
        first, last = (float(point.split(",")[1]) for point in points.split('"')[1].split())
        assert last > first  # downwards on a screen


def test_a_member_goes_on_from_the_second_schedule(
    folder: Path, small: Config, tmp_path: Path
) -> None:
    from inference.training import study

    again = dataclasses.replace(
        small, fit=dataclasses.replace(small.fit, restart_epochs=3, restart_learning_rate=1e-4)
    )
    opened = study.open_study(folder, again, tmp_path / "work")
    first, second = opened.schedules("fold1")
    [last] = opened.schedules("member1")

    assert (first.epochs, first.start) == (1, None)
    assert (second.epochs, second.learning_rate, second.start) == (3, 1e-4, first.folder)
    assert opened.folder("fold1") == second.folder != first.folder
    assert (last.epochs, last.start) == (again.members.epochs, second.folder)
    assert len({each.seed for each in (first, second, last)}) == 3
    plain = dataclasses.replace(opened, config=small)
    assert [each.folder for each in plain.schedules("fold1")] == [first.folder]
