"""Drawn masks against reference masks: overlap, names, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.evaluation import masks

LEFT = np.zeros((40, 40), np.uint8)
LEFT[10:30, 5:20] = 255


def write(folder: Path, name: str, mask: NDArray[np.uint8]) -> None:
    Image.fromarray(mask).resize((200, 150), Image.Resampling.NEAREST).save(folder / name)


def dice(found: dict[str, NDArray[np.uint8] | None], folder: Path) -> list[float]:
    return [one for one, _ in masks.score(found, folder)["per_image"].values()]


def test_overlap_is_measured_at_the_resolution_of_the_reference(tmp_path: Path) -> None:
    write(tmp_path, "same_segmentation.png", LEFT)
    write(tmp_path, "half_segmentation.png", np.where(np.arange(40) < 12.5, LEFT, 0).astype("u1"))
    write(tmp_path, "apart_segmentation.png", LEFT[:, ::-1])
    found = masks.score({"same": LEFT, "half": LEFT, "apart": LEFT}, tmp_path)
    assert list(found["per_image"]) == ["same", "half", "apart"]
    dice, jaccard = np.array(list(found["per_image"].values())).T
    assert dice == pytest.approx([1, 2 / 3, 0], abs=0.04)
    assert jaccard == pytest.approx([1, 1 / 2, 0], abs=0.04)
    assert found["n"] == 3
    for name, values in (("dice", dice), ("jaccard", jaccard)):
        assert found[name]["value"] == pytest.approx(values.mean())
        assert found[name]["low"] < values.mean() < found[name]["high"]


def test_images_of_one_lesion_are_drawn_together(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        write(tmp_path, f"{name}.png", LEFT)
    grids = {"a": LEFT, "b": LEFT, "c": LEFT[:, ::-1], "d": LEFT[:, ::-1]}
    apart = masks.score(grids, tmp_path)["dice"]
    lesions = {"a": "one", "b": "one", "c": "two", "d": "two"}
    together = masks.score(grids, tmp_path, lesions=lesions)["dice"]
    assert together["value"] == apart["value"] == pytest.approx(0.5, abs=0.01)
    assert together["high"] - together["low"] >= apart["high"] - apart["low"]
    assert (together["low"], together["high"]) == pytest.approx((0, 1), abs=0.01)


@pytest.mark.parametrize(
    "name", ["IMD003_lesion.bmp", "IMD003_lesion.png", "IMD003.png", "IMD003_segmentation.png"]
)
def test_references_are_found_under_the_names_of_their_collections(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, name, LEFT)
    assert dice({"IMD003": LEFT}, tmp_path) == pytest.approx([1], abs=0.002)


def test_a_one_bit_reference_is_read(tmp_path: Path) -> None:
    Image.fromarray(LEFT).convert("1").save(tmp_path / "one_segmentation.png")
    assert dice({"one": LEFT}, tmp_path) == pytest.approx([1], abs=0.002)


def test_missing_references_are_counted_and_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, "seen_segmentation.png", LEFT)
    (tmp_path / "broken_segmentation.png").write_bytes(b"not an image")
    found = masks.score({"seen": LEFT, "unseen": LEFT, "broken": LEFT}, tmp_path)
    assert list(found["per_image"]) == ["seen"]
    assert found["missing"] == ["unseen", "broken"]
    nothing = masks.score({"unseen": LEFT}, tmp_path)
    assert nothing["n"] == 0
    assert nothing["dice"] == nothing["jaccard"] == {"value": None, "low": None, "high": None}


def test_empty_masks(tmp_path: Path) -> None:
    write(tmp_path, "empty.png", np.zeros_like(LEFT))
    write(tmp_path, "full.png", LEFT)
    nothing = np.zeros_like(LEFT)
    assert dice({"empty": nothing}, tmp_path) == [1]
    assert dice({"empty": LEFT}, tmp_path) == [0]
    assert dice({"full": nothing}, tmp_path) == [0]
    assert dice({"full": None, "empty": None}, tmp_path) == [0, 1]


def test_only_the_lesion_that_is_shown_is_scored(tmp_path: Path) -> None:
    write(tmp_path, "one.png", LEFT)
    speckled = LEFT.copy()
    speckled[0:3, 35:38] = 255
    assert dice({"one": speckled}, tmp_path) == pytest.approx([1], abs=0.005)
