"""A package is served whole and unchanged, or not at all."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import package
from inference.network.classes import CLASSES, KEYS
from inference.package import PackageRefused

SHIPPED = Path(package.__file__).with_name("packages") / "ham10000-mobilenet"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "package"))


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / package.MANIFEST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_package_says_what_it_is() -> None:
    shipped = package.read(SHIPPED)
    assert shipped.name == "ham10000-mobilenet"
    assert shipped.keys == KEYS
    assert [(row.code, row.display) for row in shipped.classes] == [
        (row.code, row.display) for row in CLASSES
    ]
    assert shipped.prior.sum() == pytest.approx(1)
    assert 0 < shipped.operating_points[0].threshold < 1
    assert "CC BY-NC 4.0" in shipped.card
    assert (SHIPPED / package.WEIGHTS).stat().st_size < 20_000_000
    data = shipped.manifest["data"]
    assert len({data[f"{part}_sha256"] for part in ("train", "calibrate", "report")}) == 3


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


@pytest.mark.parametrize("name", [package.MANIFEST, package.WEIGHTS])
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(PackageRefused, match="missing"):
        package.read(copy)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="no model package"):
        package.read(tmp_path / "nothing")


def test_a_broken_manifest_is_refused(copy: Path) -> None:
    (copy / package.MANIFEST).write_text("name = ")
    with pytest.raises(PackageRefused, match="cannot be read"):
        package.read(copy)


def test_a_manifest_without_a_needed_entry_is_refused(copy: Path) -> None:
    edit(copy, "temperature = ", "temperament = ")
    with pytest.raises(PackageRefused, match="lacks temperature"):
        package.read(copy)


@pytest.mark.parametrize("value", ["0.0", "-1.0", "nan", "inf", '"warm"'])
def test_a_senseless_temperature_is_refused(copy: Path, value: str) -> None:
    edit(copy, "temperature = ", f"temperature = {value} # ")
    with pytest.raises(PackageRefused):
        package.read(copy)


def test_a_prior_that_is_none_is_refused(copy: Path) -> None:
    edit(copy, "\nakiec = ", "\nakiec = 7 # ")
    with pytest.raises(PackageRefused, match="sum to 1"):
        package.read(copy)


def test_half_precision_survives_a_round_trip(copy: Path, tmp_path: Path) -> None:
    old = package.read(copy)
    arrays = old.arrays()
    new = package.write(tmp_path / "new", old.manifest, arrays, old.card)
    assert {name: value.shape for name, value in new.arrays().items()} == {
        name: value.shape for name, value in arrays.items()
    }
    np.testing.assert_array_equal(new.arrays()["head/kernel"], arrays["head/kernel"])
    assert new.manifest["weights"]["sha256"] == new.sha256


def test_what_is_not_finite_is_never_written(copy: Path, tmp_path: Path) -> None:
    old = package.read(copy)
    arrays = {**old.arrays(), "head/kernel": np.full((1280, 7), 1e6, np.float32)}
    with pytest.raises(ValueError, match="head/kernel"):
        package.write(tmp_path / "new", old.manifest, arrays, old.card)
    assert not (tmp_path / "new" / package.MANIFEST).exists()


def test_the_manifest_is_written_as_toml() -> None:
    table: dict[str, Any] = {
        "text": 'a "b" \\ c\nd — é',
        "number": 3,
        "share": 0.25,
        "tiny": 1e-07,
        "right": True,
        "words": ["a", "b"],
        "nothing": [],
        "inner": {"x": 1, "deep": {"y": [0.5, 1.5]}},
        "rows": [{"key": "a", "low": {"v": 1}}, {"key": "b"}],
    }
    assert tomllib.loads(package.dump(table)) == {**table, "tiny": 0.0}
    assert tomllib.loads(package.dump({"a": None, "b": {"c": None}})) == {"b": {}}
