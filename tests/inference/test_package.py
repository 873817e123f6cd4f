"""A package is served whole and unchanged, or not at all."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import package
from inference.network import task
from inference.network.classes import CLASSES, KEYS
from inference.package import PackageRefused
from inference.toml_text import dump
from tests import packages


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return packages.described(tmp_path / "package").folder


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / package.MANIFEST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def refused(tmp_path: Path, **changes: Any) -> str:
    """Why a package with these changes in its manifest is refused."""
    with pytest.raises(PackageRefused) as refusal:
        packages.described(tmp_path / "changed", **changes)
    return str(refusal.value)


def test_a_package_says_what_it_is(copy: Path) -> None:
    read = package.read(copy)
    assert (read.name, read.version, read.task) == ("test-package", "1", "ham10000")
    assert (read.members, read.symmetries, read.mask) == (2, 8, False)
    assert read.modality == "dermoscopy"
    assert read.keys == KEYS
    assert [(row.code, row.display) for row in read.classes] == [
        (row.code, row.display) for row in CLASSES
    ]
    assert read.prior.sum() == pytest.approx(1)
    assert read.fields.names == ("age", "sex", "site")
    assert read.training_ids.read_text().split() == list(packages.TRAINING_IDS)
    assert read.metrics == copy / "metrics.json"
    assert read.binding_point.name == "akiec"
    assert read.binding_point.threshold == min(row.threshold for row in read.operating_points)


def test_a_package_speaks_its_tasks_words(tmp_path: Path) -> None:
    known = task.named("ham10000")
    assert known is not None
    read = packages.described(tmp_path / "task")
    assert dict(read.synonyms) == dict(known.synonyms) != {}
    own = packages.manifest()["metadata"] | {"synonyms": {"upper arm": "upper extremity"}}
    read = packages.described(tmp_path / "own", metadata=own)
    assert read.synonyms == {"upper arm": "upper extremity"}


def test_one_changed_byte_is_refused(copy: Path) -> None:
    weights = copy / package.WEIGHTS
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(PackageRefused, match="not those that its manifest names"):
        package.read(copy)


def test_weights_changed_after_reading_are_refused(copy: Path) -> None:
    read = package.read(copy)
    (copy / package.WEIGHTS).write_bytes(b"other")
    with pytest.raises(PackageRefused, match="SHA-256"):
        read.arrays()


@pytest.mark.parametrize("name", [package.MANIFEST, package.WEIGHTS, package.TRAINING_IDS])
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(PackageRefused, match="missing"):
        package.read(copy)


def test_another_list_of_training_images_is_refused(copy: Path) -> None:
    with (copy / package.TRAINING_IDS).open("a") as lines:
        lines.write("image-3\n")
    with pytest.raises(PackageRefused, match="not the list"):
        package.read(copy)


def test_a_package_that_hides_what_it_learned_from_is_refused(copy: Path) -> None:
    edit(copy, "training_ids_sha256", "ids")
    with pytest.raises(PackageRefused, match="which images the network learned from"):
        package.read(copy)


def test_the_same_images_in_any_order_are_the_same_list(tmp_path: Path) -> None:
    one = packages.described(tmp_path / "one")
    other = package.write(
        tmp_path / "other",
        one.manifest,
        one.arrays(),
        "",
        training_ids=[*reversed(packages.TRAINING_IDS), packages.TRAINING_IDS[0]],
    )
    assert other.manifest["data"] == one.manifest["data"]


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="no model package"):
        package.read(tmp_path / "nothing")


def test_a_broken_manifest_is_refused(copy: Path) -> None:
    (copy / package.MANIFEST).write_text("name = ")
    with pytest.raises(PackageRefused, match="cannot be read"):
        package.read(copy)


@pytest.mark.parametrize("name", ["temperature", "members", "symmetries", "intended_use"])
def test_a_manifest_without_a_needed_entry_is_refused(copy: Path, name: str) -> None:
    edit(copy, f"\n{name} = ", f"\n{name}_gone = ")
    with pytest.raises(PackageRefused, match=f"lacks {name}"):
        package.read(copy)


@pytest.mark.parametrize("value", ["0.0", "-1.0", "nan", "inf", '"warm"'])
def test_a_senseless_temperature_is_refused(copy: Path, value: str) -> None:
    edit(copy, "\ntemperature = ", f"\ntemperature = {value} # ")
    with pytest.raises(PackageRefused):
        package.read(copy)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"members": 0}, "members must be a whole number"),
        ({"members": 2.5}, "members must be a whole number"),
        ({"members": True}, "members must be a whole number"),
        ({"symmetries": 4}, "symmetries must be 1 or 8"),
        ({"mask": "yes"}, "mask must be true or false"),
        ({"saliency_scale": 0.0}, "saliency scale must be positive"),
        ({"size": 100}, "a multiple of 32"),
        ({"sets": {"90": 1.5}}, "limit of the prediction sets"),
        ({"operating_points": []}, "no operating point"),
        ({"limits": {"smallest_side": float("nan")}}, "a limit is not finite"),
        ({"limits": {"lowest_contrast": 4.0}}, "smallest_side is missing"),
        ({"limits": {"smallest_side": 65.0}}, "cannot be too small"),
        ({"metadata": {"fields": ["shoe size"]}}, "unknown metadata fields"),
        ({"prior": dict.fromkeys(KEYS, 0.3)}, "sum to 1"),
        ({"drawn_prior": dict.fromkeys(KEYS[1:], 1 / 6)}, "akiec"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(tmp_path, **changes)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "wart"}, "each operating point is for another of its classes"),
        ({"name": "bcc"}, "each operating point is for another of its classes"),
        ({"threshold": 1.2}, "a threshold is not within 0 and 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_operating_point_that_is_none_is_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    first, *others = packages.manifest()["operating_points"]
    assert sentence in refused(tmp_path, operating_points=[{**first, **change}, *others])


def test_a_curve_for_another_class_is_refused(tmp_path: Path) -> None:
    rows = packages.manifest()["operating_curve"]
    assert "curve" in refused(tmp_path, operating_curve=[{**rows[0], "class": "wart"}])
    del rows[0]["specificity"]
    assert "curve" in refused(tmp_path, operating_curve=rows)


def test_half_precision_survives_a_round_trip(copy: Path, tmp_path: Path) -> None:
    old = package.read(copy)
    arrays = old.arrays()
    new = package.write(tmp_path / "new", old.manifest, arrays, old.card, training_ids=["a"])
    assert {name: value.shape for name, value in new.arrays().items()} == {
        name: value.shape for name, value in arrays.items()
    }
    for name, value in new.arrays().items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, arrays[name])
    assert new.manifest["weights"]["sha256"] == new.sha256


def test_what_is_not_finite_is_never_written(copy: Path, tmp_path: Path) -> None:
    old = package.read(copy)
    arrays = {**old.arrays(), "member0/head/kernel": np.full((1280, 7), 1e6, np.float32)}
    with pytest.raises(ValueError, match="member0/head/kernel"):
        package.write(tmp_path / "new", old.manifest, arrays, old.card, training_ids=["a"])
    assert not list((tmp_path / "new").iterdir())


def test_the_manifest_is_written_as_toml() -> None:
    table: dict[str, Any] = {
        "text": 'a "b" \\ c\nd — é',
        "number": 3,
        "share": 0.25,
        "tiny": 1e-07,
        "right": True,
        "words": ["a", "b"],
        "nothing": [],
        "two words": {"a key": "a.b", "x.y": {"é": 1}},
        "inner": {"x": 1, "deep": {"y": [0.5, 1.5]}},
        "rows": [{"key": "a", "low": {"v": 1}}, {"key": "b"}],
    }
    assert tomllib.loads(dump(table)) == {**table, "tiny": 0.0}
    assert tomllib.loads(dump({"a": None, "b": {"c": None}})) == {"b": {}}
