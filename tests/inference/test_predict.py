"""`manage.py predict`: one image, both opinions, in words of the package's own task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inference.network.metadata import Fields
from tests import packages
from tests.inference.test_engine import lesion

FIELDS = Fields(sex=(), site=("arm", "back"), flags=("itch", "bleed"), indicators=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of another task than dermoscopy's, small enough to load twice."""
    words = FIELDS.manifest() | {"synonyms": {"upper extremity": "arm"}}
    root = tmp_path_factory.mktemp("predict")
    lesion(0).save(root / "lesion.png")
    (root / "notes.png").write_text("no image")
    packages.served(
        root / "package", members=1, symmetries=1, task="another", fields=FIELDS, metadata=words
    )
    return root


def said(folder: Path, capsys: Any, **told: Any) -> dict[str, Any]:
    call_command("predict", folder / "lesion.png", package=folder / "package", json=True, **told)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_holds_both_opinions(folder: Path, capsys: Any) -> None:
    found = said(folder, capsys, age=50, site="upper extremity", itch=True, bleed=False)
    assert found["metadata_used"] == {"age": 50.0, "site": "arm", "itch": True, "bleed": False}
    for name in ("probability", "image_only"):
        assert sum(row[name] for row in found["differential"]) == pytest.approx(1)
    assert any(abs(row["probability"] - row["image_only"]) > 1e-4 for row in found["differential"])
    ill = {"akiec", "bcc", "mel"}
    alone = sum(row["image_only"] for row in found["differential"] if row["key"] in ill)
    assert found["triage_score"] == pytest.approx(max(alone, found["malignant_probability"]))
    assert [point["name"] for point in found["operating_points"]] == ["akiec", "bcc", "mel"]
    assert set(found["prediction_sets"]["90"]) <= set(found["prediction_sets"]["95"])
    assert found["runtime"]["tensorflow"]


def test_text_names_classes_thresholds_and_sets(folder: Path, capsys: Any) -> None:
    call_command("predict", folder / "lesion.png", package=folder / "package")
    text = capsys.readouterr().out
    assert text.startswith("test-package 1 (")
    assert text.count("reached") == 3
    for words in ("image alone", "Malignant melanoma of skin: from 0.500 on", "Set of 90 %"):
        assert words in text


def test_a_site_that_the_package_does_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="it knows: arm, back, upper extremity"):
        call_command("predict", folder / "lesion.png", package=folder / "package", site="moon")


def test_what_is_no_image_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="could not be decoded"):
        call_command("predict", folder / "notes.png", package=folder / "package")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("predict", folder / "nothing.png", package=folder / "package")
    with pytest.raises(CommandError, match="no model package"):
        call_command("predict", folder / "lesion.png", package=folder)
