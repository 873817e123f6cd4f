"""What training starts from: tables, frames, folds, augmented draws, the configuration."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.network.metadata import Metadata
from inference.network.task import load
from inference.training import augment, config, datasets, folds, overlays, tables
from inference.training.datasets import DataUnusable, Example

HAM10000 = load("ham10000")


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


class TestFolds:
    def test_no_lesion_is_in_two_folds(self) -> None:
        rows = examples(900)
        fold = folds.assign(rows, seed=7)
        lesions = [{rows[row].lesion_id for row in np.flatnonzero(fold == k)} for k in range(5)]
        assert set.union(*lesions) == {row.lesion_id for row in rows}
        assert sum(map(len, lesions)) == 900

    def test_every_class_is_in_every_fold_in_proportion(self) -> None:
        rows = examples(2000)
        keys = tuple("abcdefg")
        counted = folds.counts(rows, folds.assign(rows, seed=7), keys)
        for label, key in enumerate(keys):
            total = len({row.lesion_id for row in rows if row.label == label})
            assert sum(one[key] for one in counted) == total
            assert max(one[key] for one in counted) - min(one[key] for one in counted) <= 1

    def test_the_seed_decides(self) -> None:
        rows = examples(300)
        one, two = (folds.fingerprint(rows, folds.assign(rows, seed=7)) for _ in "ab")
        assert one == two
        assert one != folds.fingerprint(rows, folds.assign(rows, seed=8))

    def test_lesions_that_share_a_photograph_stay_together(self) -> None:
        rows = examples(300)
        apart = folds.assign(rows, seed=7)
        other = int(np.flatnonzero(apart != apart[0])[0])
        last = int(np.flatnonzero((apart != apart[0]) & (apart != apart[other]))[0])
        together = folds.assign(rows, seed=7, alike=[(0, other), (other, last)])
        assert together[0] == together[other] == together[last]

    def test_copies_are_found_scaled_recompressed_and_relit(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(1)
        plain = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8)).resize((200, 150))
        other = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8)).resize((200, 150))
        plain.save(tmp_path / "copy.jpg", quality=40)
        with Image.open(tmp_path / "copy.jpg") as image:
            copy = image.resize((160, 120)).resize((200, 150)).point(lambda level: level * 0.8)
        frames = datasets.Frames(
            ["a", "b", "c"], np.stack([np.asarray(one) for one in (plain, other, copy)])
        )
        assert folds.near_duplicates(frames, ["a", "b", "c"]) == [(0, 2)]

    def test_a_lesion_counts_once(self) -> None:
        weights = datasets.lesion_weights(examples(50))
        assert weights.sum() == pytest.approx(50)


class TestReading:
    def test_how_a_diagnosis_was_made_is_never_read(self, folder: Path) -> None:
        table = folder / datasets.TABLE
        before = tables.read_examples(folder, HAM10000)
        table.write_text(table.read_text().replace("histo", "follow_up"))
        assert tables.read_examples(folder, HAM10000) == before

    def test_what_is_unknown_stays_missing(self, folder: Path) -> None:
        rows = tables.read_examples(folder, HAM10000)
        assert rows[0].metadata == Metadata()
        assert rows[1].metadata == Metadata(45.0, "male", "back")

    def test_a_missing_table_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataUnusable, match=r"HAM10000_metadata\.csv"):
            tables.read_examples(tmp_path, HAM10000)

    def test_images_are_decoded_once(self, folder: Path, tmp_path: Path) -> None:
        cache = tmp_path / "cache" / "images.npy"
        ids = [row.image_id for row in tables.read_examples(folder, HAM10000)]
        frames = datasets.decode_folder(folder / "images", cache, ids)
        written = cache.stat().st_mtime_ns
        again = datasets.decode_folder(folder / "images", cache, ids)
        assert cache.stat().st_mtime_ns == written
        assert frames["ISIC_0003"].size == (200, 150)
        with Image.open(folder / "images" / "ISIC_0003.jpg") as original:
            np.testing.assert_array_equal(np.asarray(again["ISIC_0003"]), np.asarray(original))

    def test_frames_on_disk_travel_by_name(self, folder: Path, tmp_path: Path) -> None:
        cache = tmp_path / "images.npy"
        frames = datasets.decode_folder(folder / "images", cache, ["ISIC_0003", "ISIC_0004"])
        make, arguments = frames.__reduce__()
        assert callable(make)
        assert len(pickle.dumps(frames)) < 1000
        one, two = make(*arguments)["ISIC_0004"], frames["ISIC_0004"]
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))

    def test_an_empty_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataUnusable, match="none of the images"):
            datasets.decode_folder(tmp_path, tmp_path / "cache.npy", ["a"])

    def test_a_part_is_written_in_the_same_form(self, folder: Path, tmp_path: Path) -> None:
        rows = tables.read_examples(folder, HAM10000)
        ids = [row.image_id for row in rows[4:9]]
        tables.write_table(folder, HAM10000, tmp_path / datasets.TABLE, ids)
        assert tables.read_examples(tmp_path, HAM10000) == rows[4:9]


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

    @pytest.mark.parametrize("lay", [overlays.hairs, overlays.ruler, overlays.rim])
    def test_an_overlay_covers_some_skin_and_not_all(self, lay: object) -> None:
        skin = Image.new("RGB", (160, 160), (200, 160, 140))
        assert callable(lay)
        for seed in range(8):
            covered = np.asarray(lay(skin, np.random.default_rng(seed))) != np.asarray(skin)
            assert 0.0005 < covered.any(axis=2).mean() < 0.8

    def test_the_light_is_taken_out(self) -> None:
        rng = np.random.default_rng(3)
        grey = rng.integers(40, 160, (160, 160, 1)).repeat(3, axis=2)
        warm = np.clip(grey * np.array([1.3, 1.0, 0.7]), 0, 255).astype(np.uint8)
        found = augment.cast(warm)
        np.testing.assert_allclose(found / found[1], [1.3, 1.0, 0.7], atol=0.03)


class TestConfig:
    def test_the_default_is_complete(self) -> None:
        loaded = config.load()
        assert loaded.task.name == "ham10000"
        assert loaded.network.size % 32 == 0
        assert dataclasses.asdict(loaded.views)["fewest"] > 0

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("batch = 32", "", "lacks batch"),
            ("batch = 32", "batch = 32\nbath = 3", "does not know bath"),
            ("seed = 7", "seed = ", "Invalid value"),
            ('task = "ham10000"', 'task = "moon"', "moon"),
        ],
    )
    def test_a_wrong_key_is_named(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        path = tmp_path / "config.toml"
        path.write_text(config.DEFAULT.read_text().replace(old, new))
        with pytest.raises(config.ConfigError, match=message):
            config.load(path)
