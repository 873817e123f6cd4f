"""From a table to a package: lesion-disjoint parts, honest draws, calibration, resuming."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference import package
from inference.network import limits, posterior
from inference.network.classes import KEYS
from inference.network.metadata import Metadata
from inference.training import augment, calibrate, config, datasets
from inference.training.datasets import DataUnusable, Example
from tests.inference.test_package import SHIPPED

SHARES = {"calibrate": 0.1, "report": 0.1}
EVEN = np.full(7, 1 / 7)
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def examples(lesions: int, seed: int = 0) -> list[Example]:
    rng = np.random.default_rng(seed)
    rows = []
    for lesion in range(lesions):
        label = int(rng.choice(7, p=[0.05, 0.05, 0.1, 0.02, 0.1, 0.65, 0.03]))
        rows += [
            Example(f"I{lesion:05d}{view}", f"L{lesion:05d}", label, Metadata())
            for view in range(int(rng.integers(1, 4)))
        ]
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty images in HAM10000 form, every third with a fine copy."""
    rng = np.random.default_rng(5)
    data = tmp_path / "ham"
    for name in ("images", "images_224"):
        (data / name).mkdir(parents=True)
    with (data / datasets.TABLE).open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for number in range(42):
            key = KEYS[number % 7]
            writer.writerow(
                (f"HAM_{number // 2:04d}", f"ISIC_{number:04d}", KEYS[number // 2 % 7], "histo")
                + (("", "unknown", "unknown") if number % 5 == 0 else ("45.0", "male", "back"))
            )
            pixels = rng.integers(0, 255, (150, 200, 3), np.uint8)
            Image.fromarray(pixels).save(data / "images" / f"ISIC_{number:04d}.jpg")
            if number % 3 == 0:
                fine = Image.fromarray(pixels).resize((224, 224))
                fine.save(data / "images_224" / f"ISIC_{number:04d}.jpg")
            assert key in KEYS
    return data


class TestSplit:
    def test_no_lesion_is_in_two_parts(self) -> None:
        rows = examples(900)
        parts = datasets.split(rows, seed=7, shares=SHARES)
        lesions = [{row.lesion_id for row in part} for part in parts.values()]
        assert set.union(*lesions) == {row.lesion_id for row in rows}
        assert sum(map(len, lesions)) == 900
        assert sum(map(len, parts.values())) == len(rows)

    def test_every_class_is_in_every_part_in_proportion(self) -> None:
        rows = examples(2000)
        parts = datasets.split(rows, seed=7, shares=SHARES)
        for label in range(7):
            total = len({row.lesion_id for row in rows if row.label == label})
            part = len({row.lesion_id for row in parts["report"] if row.label == label})
            assert part == max(1, round(0.1 * total))

    def test_the_seed_decides_and_the_order_does_not(self) -> None:
        rows = examples(300)
        one = datasets.split(rows, seed=7, shares=SHARES)
        two = datasets.split(rows[::-1], seed=7, shares=SHARES)
        other = datasets.split(rows, seed=8, shares=SHARES)
        for part in one:
            assert datasets.fingerprint(one[part]) == datasets.fingerprint(two[part])
        assert datasets.fingerprint(one["report"]) != datasets.fingerprint(other["report"])

    def test_a_lesion_counts_once(self) -> None:
        rows = examples(50)
        weights = datasets.lesion_weights(rows)
        assert weights.sum() == pytest.approx(50)


class TestReading:
    def test_how_a_diagnosis_was_made_is_never_read(self, folder: Path) -> None:
        table = folder / datasets.TABLE
        before = datasets.read_ham10000(table)
        table.write_text(table.read_text().replace("histo", "follow_up"))
        assert datasets.read_ham10000(table) == before

    def test_what_is_unknown_stays_missing(self, folder: Path) -> None:
        rows = datasets.read_ham10000(folder / datasets.TABLE)
        assert rows[0].metadata == Metadata()
        assert rows[1].metadata == Metadata(45.0, "male", "back")

    def test_a_missing_table_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataUnusable, match=r"HAM10000_metadata\.csv"):
            datasets.read_ham10000(tmp_path / datasets.TABLE)

    def test_images_are_decoded_once(self, folder: Path, tmp_path: Path) -> None:
        cache = tmp_path / "cache" / "images.npy"
        ids = [row.image_id for row in datasets.read_ham10000(folder / datasets.TABLE)]
        frames = datasets.decode_folder(folder / "images", cache, ids)
        written = cache.stat().st_mtime_ns
        again = datasets.decode_folder(folder / "images", cache, ids)
        assert cache.stat().st_mtime_ns == written
        assert frames["ISIC_0003"].size == (200, 150)
        with Image.open(folder / "images" / "ISIC_0003.jpg") as original:
            np.testing.assert_array_equal(np.asarray(again["ISIC_0003"]), np.asarray(original))

    def test_an_empty_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataUnusable, match="none of the images"):
            datasets.decode_folder(tmp_path, tmp_path / "cache.npy", ["a"])

    def test_a_part_is_written_in_the_same_form(self, folder: Path, tmp_path: Path) -> None:
        rows = datasets.read_ham10000(folder / datasets.TABLE)
        datasets.write_table(folder / datasets.TABLE, tmp_path / "part.csv", rows[4:9])
        assert datasets.read_ham10000(tmp_path / "part.csv") == rows[4:9]


class TestDraws:
    def test_resolution_does_not_tell_the_class(self) -> None:
        rows = examples(900)
        rng = np.random.default_rng(2)
        shares = rng.uniform(0.44, 0.58, 7)
        ids = [row.image_id for row in rows if rng.random() < shares[row.label or 0]]
        fine = datasets.Frames(ids, np.zeros((len(ids), 4, 4, 3), np.uint8))
        chance = augment.fine_draws(rows, fine, 0.3)
        labels = np.array([row.label for row in rows])
        for label in range(7):
            assert chance[labels == label].mean() == pytest.approx(0.3)
        assert all(chance[row] == 0 for row, one in enumerate(rows) if one.image_id not in fine)

    def test_an_augmented_square_is_an_image_and_another_each_time(self) -> None:
        settings = config.load().augment
        frame = Image.effect_noise((200, 150), 60).convert("RGB")
        rng = np.random.default_rng(0)
        squares = [augment.draw(frame, 160, settings, rng) for _ in range(12)]
        for square in squares:
            assert square.shape == (160, 160, 3)
            assert square.dtype == np.float32
            assert 0 <= square.min() <= square.max() <= 255
        assert not np.array_equal(squares[0], squares[1])

    def test_the_same_seed_draws_the_same(self) -> None:
        settings = config.load().augment
        frame = Image.effect_noise((224, 224), 60).convert("RGB")
        one, two = (augment.draw(frame, 160, settings, np.random.default_rng(9)) for _ in range(2))
        np.testing.assert_array_equal(one, two)


class TestConfig:
    def test_the_default_is_complete(self) -> None:
        loaded = config.load()
        assert loaded.name == "ham10000-mobilenet"
        assert loaded.network.size % 32 == 0

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("batch = 32", "", "lacks batch"),
            ("batch = 32", "batch = 32\nbath = 3", "does not know bath"),
            ("seed = 7", "seed = ", "Invalid value"),
        ],
    )
    def test_a_wrong_key_is_named(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        path = tmp_path / "config.toml"
        path.write_text(config.DEFAULT.read_text().replace(old, new))
        with pytest.raises(config.ConfigError, match=message):
            config.load(path)


class TestCalibration:
    @pytest.fixture
    def part(self) -> calibrate.HeldOut:
        """A network that is right in kind but four times too sure of itself."""
        rng = np.random.default_rng(6)
        labels = rng.choice(7, 1500)
        logits = 3.0 * np.eye(7)[labels] + rng.normal(0, 1.5, (1500, 7))
        lesions = np.array([f"L{row // 2}" for row in range(1500)])
        return calibrate.HeldOut(
            logits=(4 * logits).astype(np.float32),
            embedding=rng.normal(0, 1, (1500, 12)).astype(np.float32),
            labels=labels,
            lesions=lesions,
            weights=np.full(1500, 0.5),
            quality=[limits.Quality(30, 120, 0.01, 0.02, 0.2)] * 1500,
        )

    def probabilities(self, part: calibrate.HeldOut, temperature: float) -> Any:
        return posterior.probabilities(
            part.logits, temperature=temperature, drawn_prior=EVEN, prior=EVEN
        )

    def test_the_fitted_temperature_lowers_the_loss(self, part: calibrate.HeldOut) -> None:
        fitted = calibrate.temperature(part, drawn_prior=EVEN, prior=EVEN)
        assert fitted > 2

        def loss(temperature: float) -> float:
            return calibrate.negative_log_likelihood(
                self.probabilities(part, temperature), part.labels, part.weights
            )

        assert loss(fitted) < loss(1) - 0.1
        assert loss(fitted) <= min(loss(fitted * 0.9), loss(fitted * 1.1))

    def test_sets_hold_the_truth_as_often_as_they_promise(self, part: calibrate.HeldOut) -> None:
        probability = self.probabilities(part, 4)
        for name, limit in calibrate.set_limits(probability, EVEN, part).items():
            sets = posterior.prediction_sets(probability, EVEN, limit)
            held = sets[np.arange(len(sets)), part.labels].mean()
            assert held >= int(name) / 100

    def test_the_operating_point_is_the_highest_that_holds(self, part: calibrate.HeldOut) -> None:
        rng = np.random.default_rng(8)
        truth = np.repeat(rng.random(750) < 0.3, 2)
        malignant = np.clip(0.4 * truth + rng.uniform(0, 0.6, 1500), 0, 1)
        point = calibrate.operating_point(malignant, truth, part)
        lesion, first = calibrate.by_lesion(malignant, part.lesions)
        ill = truth[first]
        assert (lesion[ill] >= point["threshold"]).mean() >= calibrate.TARGET_SENSITIVITY
        assert (lesion[ill] >= point["threshold"] + 0.02).mean() < calibrate.TARGET_SENSITIVITY
        assert point["sensitivity_low"] < point["sensitivity"]
        assert point["specificity"] == pytest.approx((lesion[~ill] < point["threshold"]).mean())

    def test_limits_accept_nearly_all_calibration_images(self, part: calibrate.HeldOut) -> None:
        likeness = limits.fit_likeness(part.embedding, part.labels, 7)
        fitted = calibrate.abstention(part, likeness)
        distances = likeness.distances(part.embedding)
        reasons = [
            limits.reason(150, quality, distance, fitted)
            for quality, distance in zip(part.quality, distances, strict=True)
        ]
        assert 0 < sum(reason is not None for reason in reasons) <= 15

    def test_wilson_interval(self) -> None:
        low, high = calibrate.wilson(90, 100)
        assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-3)
        assert calibrate.wilson(0, 0) == (0.0, 1.0)
        assert calibrate.wilson(10, 10)[1] == pytest.approx(1)


class TestFit:
    @pytest.fixture
    def sources(self, folder: Path, tmp_path: Path) -> Any:
        from inference.training import build

        return build.open_sources(folder, tmp_path / "cache")

    def test_draws_depend_on_seed_epoch_and_step_alone(self, sources: Any) -> None:
        from inference.training.fit import Draws

        full = config.load()
        small = dataclasses.replace(full, fit=dataclasses.replace(full.fit, batch=4))
        one, two = (Draws(sources.examples, sources.coarse, sources.fine, small) for _ in "ab")
        one.on_epoch_end()
        two.epoch = 1
        (first, truth), (again, same) = one[3], two[3]
        np.testing.assert_array_equal(first["image"], again["image"])
        np.testing.assert_array_equal(first["metadata"], again["metadata"])
        np.testing.assert_array_equal(truth, same)
        assert not np.array_equal(one[2][0]["image"], first["image"])
        assert truth.sum(axis=1).tolist() == [1, 1, 1, 1]

    def test_rare_classes_are_drawn_more_often_than_they_occur(self) -> None:
        from inference.training.fit import drawn_prior, sampling

        labels = np.repeat(np.arange(7), [4, 4, 4, 4, 4, 100, 4])
        assert sampling(labels, 0.5).sum() == pytest.approx(1)
        np.testing.assert_allclose(drawn_prior(labels, 0.5), np.array([2] * 5 + [10, 2]) / 22)
        assert drawn_prior(labels, 1)[5] == pytest.approx(100 / 124)

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
        for (_, one), (_, two) in zip(whole.items(), resumed.items(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5)
        # What is kept for a look is the average, and training goes on from the weights themselves.
        assert np.abs(next(iter(resumed.values())) - raw).max() > 1e-4

    def test_the_whole_way_from_a_folder_to_a_package(self, folder: Path, tmp_path: Path) -> None:
        """No epoch is trained here: everything before and after the loop is real."""
        from inference.evaluation import labels
        from inference.training import build

        full = config.load()
        small = dataclasses.replace(
            full,
            network=dataclasses.replace(
                full.network, size=64, encoder_weights=str(self.encoder_arrays(tmp_path))
            ),
            fit=dataclasses.replace(full.fit, epochs=0),
        )
        made = build.train(folder, small, tmp_path / "out", tmp_path / "work")
        parts = build.split(datasets.read_ham10000(folder / datasets.TABLE), small)
        listed = labels.read(tmp_path / "work" / "report.csv")
        assert [row.image for row in listed] == [row.image_id for row in parts["report"]]
        data = made.manifest["data"]
        assert data["report_sha256"] == datasets.fingerprint(parts["report"])
        assert made.manifest["metrics"]["n"] == len(parts["report"])
        assert f"{len(parts['report'])} images" in made.card
        assert "CC BY-NC 4.0" in made.card
        assert 0 <= made.operating_points[0].threshold < 1
        assert made.input_size == 64

    def encoder_arrays(self, tmp_path: Path) -> Path:
        """The shipped encoder in the layout of the published ImageNet weights."""
        from keras import layers

        from inference.network.mobilenet import PREFIX, encoder

        folder = tmp_path / "imagenet"
        folder.mkdir()
        arrays = package.read(SHIPPED).arrays()
        for layer in encoder(32).layers:
            for weight in layer.weights:
                layer_name, name = weight.path.split("/")
                values = arrays[weight.path]
                if name == "kernel":
                    depthwise = isinstance(layer, layers.DepthwiseConv2D)
                    values = values.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
                published = {
                    "kernel": "weight",
                    "moving_mean": "running_mean",
                    "moving_variance": "running_var",
                }.get(name, name)
                np.save(folder / f"{PREFIX}{layer_name}_{published}.npy", values)
        return folder

    def test_a_missing_image_is_named(self, folder: Path, tmp_path: Path) -> None:
        from inference.training import build

        (folder / "images" / "ISIC_0007.jpg").unlink()
        with pytest.raises(DataUnusable, match=r"lacks 1 of 42 images, ISIC_0007\.jpg"):
            build.open_sources(folder, tmp_path / "cache")

    def test_an_absent_class_is_named(self, folder: Path, tmp_path: Path) -> None:
        from inference.training import build

        table = folder / datasets.TABLE
        table.write_text(table.read_text().replace(",df,", ",nv,"))
        with pytest.raises(DataUnusable, match="No image of class df"):
            build.open_sources(folder, tmp_path / "cache")

    def test_finer_copies_may_be_absent(self, folder: Path, tmp_path: Path) -> None:
        from inference.training import build

        shutil.rmtree(folder / "images_224")
        sources = build.open_sources(folder, tmp_path / "cache")
        assert "ISIC_0000" in sources.coarse
        assert "ISIC_0000" not in sources.fine
        assert not augment.fine_draws(sources.examples, sources.fine, 0.4).any()

    def test_an_image_of_another_size_is_named(self, folder: Path, tmp_path: Path) -> None:
        from inference.training import build

        Image.new("RGB", (20, 20)).save(folder / "images" / "ISIC_0009.jpg")
        with pytest.raises(DataUnusable, match=r"ISIC_0009\.jpg is not 200×150"):
            build.open_sources(folder, tmp_path / "cache")

    def test_missing_encoder_weights_are_named(self, folder: Path) -> None:
        from inference.training import build

        with pytest.raises(DataUnusable, match="ImageNet"):
            build.encoder_weights(folder, config.load())
