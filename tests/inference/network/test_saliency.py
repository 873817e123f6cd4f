"""Class activation maps as they are drawn: one scale, positive evidence, and loud failure."""

from __future__ import annotations

import numpy as np
import pytest

from inference.network.saliency import UnusableMap, drawn, evidence, scale


def test_what_speaks_for_all_classes_speaks_for_none() -> None:
    maps = np.zeros((2, 2, 3))
    maps[0, 0] = 5.0
    maps[1, 1, 2] = 6.0
    assert evidence(maps, 2).tolist() == [[0, 0], [0, 4]]
    assert evidence(maps, 0).tolist() == [[0, 0], [0, -2]]


def test_equal_evidence_looks_equal_in_every_image() -> None:
    weak, strong = np.full((2, 2), 1.0), np.array([[1.0, 4.0], [0.0, 0.0]])
    assert drawn(weak, 4.0)[0, 0] == drawn(strong, 4.0)[0, 0] == 64
    assert drawn(strong, 4.0)[0, 1] == drawn(strong * 9, 4.0)[0, 1] == 255


def test_evidence_against_and_no_evidence_stay_dark() -> None:
    assert drawn(np.full((5, 5), -3.0), 1.0).max() == 0
    assert drawn(evidence(np.zeros((5, 5, 7)), 4), 1.0).max() == 0


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_maps_that_are_not_finite_fail_loudly(broken: float) -> None:
    maps = np.zeros((5, 5, 7))
    maps[2, 3, 6] = broken
    with pytest.raises(UnusableMap, match="finite"):
        evidence(maps, 0)


@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 4), (0, 5, 7), (1, 5, 5, 7)])
def test_maps_of_another_shape_fail_loudly(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusableMap, match="shape"):
        evidence(np.zeros(shape), 4)


def test_the_scale_is_that_of_the_images_own_classes() -> None:
    maps = np.zeros((100, 2, 2, 3))
    maps[:, 0, 1, 1] = np.arange(1, 101) * 1.5
    labels = np.ones(100, np.int64)
    assert 94 < scale(maps, labels) < 97
    with pytest.raises(ValueError, match="no scale"):
        scale(-maps, labels)
