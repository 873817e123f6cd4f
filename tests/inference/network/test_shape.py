"""Outlines and measurements of generated lesions, whose true figures are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.network import shape

GRID, FRAME = 40, 160
SKIN, BROWN, BLACK = (225, 180, 160), (96, 62, 44), (20, 14, 12)

# A point of the frame, (x, y) in 0–1 about its centre, to how deep it lies in the lesion.
Depth = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def disc(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.3 - np.hypot(x, y)


def ellipse(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 - np.hypot(x / 0.36, y / 0.18)) * 0.18


def pear(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """A disc with a smaller one at its side, off the axis: no symmetry at all."""
    return np.maximum(0.22 - np.hypot(x + 0.05, y), 0.12 - np.hypot(x - 0.2, y - 0.12))


def star(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.24 + 0.07 * np.cos(7 * np.arctan2(y, x)) - np.hypot(x, y)


def plane(
    side: int, turn: float, aspect: float = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ticks = (np.arange(side) + 0.5) / side - 0.5
    x, y = np.meshgrid(ticks * aspect, ticks)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return cos * x + sin * y, cos * y - sin * x


def draw(
    depth: Depth, turn: float = 0, aspect: float = 1
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Frame and grid of a lesion: brown, black on one side of a line off its centre."""
    x, y = plane(FRAME, turn, aspect)
    frame = np.empty((FRAME, FRAME, 3), np.uint8)
    frame[:] = SKIN
    frame[depth(x, y) > 0] = BROWN
    frame[(depth(x, y) > 0) & (x + y / 2 > 0.08)] = BLACK
    grid = np.clip(127.5 + 4000 * depth(*plane(GRID, turn, aspect)), 0, 255)
    return frame, grid.astype(np.uint8)


def measured(
    depth: Depth, turn: float = 0, *, pixel_spacing_mm: tuple[float, float] | None = None
) -> shape.Measurements:
    frame, grid = draw(depth, turn)
    found = shape.measure(frame, grid, pixel_spacing_mm=pixel_spacing_mm)
    assert found is not None
    return found


@pytest.mark.parametrize("depth", [disc, ellipse, pear, star])
@pytest.mark.parametrize("turn", [90, 37, 161])
def test_a_turned_camera_gives_the_same_figures(depth: Depth, turn: float) -> None:
    """Within 3 % of areas and perimeters, 0.03 of shares, 2 of a colour difference."""
    upright, turned = measured(depth), measured(depth, turn)
    assert turned.area_share == pytest.approx(upright.area_share, rel=0.03)
    assert turned.compactness == pytest.approx(upright.compactness, rel=0.03)
    assert turned.solidity == pytest.approx(upright.solidity, abs=0.03)
    assert turned.asymmetry_shape == pytest.approx(upright.asymmetry_shape, abs=0.03)
    assert turned.asymmetry_colour == pytest.approx(upright.asymmetry_colour, abs=2)
    assert turned.colour_count == upright.colour_count
    assert turned.colours == pytest.approx(upright.colours, abs=0.03)


def test_figures_say_what_they_are_called() -> None:
    round_, long, odd, frayed = (measured(depth) for depth in (disc, ellipse, pear, star))
    assert round_.area_share == pytest.approx(math.pi * 0.3**2, rel=0.01)
    assert round_.compactness == pytest.approx(1, abs=0.02)
    assert round_.solidity > 0.98
    # A disc and an ellipse have two axes of symmetry, the pear has none.
    assert max(round_.asymmetry_shape, long.asymmetry_shape) < 0.03
    assert odd.asymmetry_shape > 0.08
    assert frayed.compactness > 1.5 > long.compactness
    assert frayed.solidity < 0.85


def test_colours_are_counted_and_mirrored() -> None:
    two = measured(disc)
    assert two.colour_count == 2
    assert two.colours["dark_brown"] + two.colours["black"] == pytest.approx(1, abs=0.02)
    frame, grid = draw(disc)
    frame[(frame == BLACK).all(axis=-1)] = BROWN
    one = shape.measure(frame, grid)
    assert one is not None
    assert one.colour_count == 1
    assert one.asymmetry_colour < 3 < two.asymmetry_colour


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((240, 235, 228), "white"),
        ((190, 70, 65), "red"),
        ((178, 128, 92), "light_brown"),
        ((92, 56, 40), "dark_brown"),
        ((96, 108, 128), "blue_grey"),
        ((18, 12, 12), "black"),
    ],
)
def test_each_of_the_six_colours_has_its_name(rgb: tuple[int, int, int], name: str) -> None:
    frame, grid = draw(disc)
    frame[disc(*plane(FRAME, 0)) > -0.02] = rgb
    found = shape.measure(frame, grid)
    assert found is not None
    assert found.colours[name] == 1
    assert found.colour_count == 1


def test_the_cast_of_a_camera_is_no_colour_of_the_lesion() -> None:
    frame, grid = draw(disc)
    plain = shape.measure(frame, grid)
    reddish = np.clip(frame * np.array([1.05, 0.78, 0.78]), 0, 255).astype(np.uint8)
    cast = shape.measure(reddish, grid)
    assert plain is not None
    assert cast is not None
    assert cast.colours == pytest.approx(plain.colours, abs=0.03)
    assert cast.colour_count == 2


def test_millimetres_only_where_the_scale_is_known() -> None:
    assert measured(disc).area_mm2 is None
    assert measured(disc).diameter_mm is None
    known = measured(disc, pixel_spacing_mm=(0.05, 0.05))
    assert known.diameter_mm == pytest.approx(0.6 * FRAME * 0.05, rel=0.02)
    assert known.area_mm2 == pytest.approx(math.pi * (0.3 * FRAME * 0.05) ** 2, rel=0.02)
    # Rows twice as far apart: an ellipse twice as high.
    tall = measured(disc, pixel_spacing_mm=(0.1, 0.05))
    assert tall.diameter_mm == pytest.approx(2 * 0.6 * FRAME * 0.05, rel=0.02)


def test_a_squeezed_frame_is_measured_as_it_was() -> None:
    """A disc in a frame of 4:3, squeezed into a square, is a disc again."""
    frame, grid = draw(disc, aspect=4 / 3)
    squeezed = shape.measure(frame, grid)
    true = shape.measure(frame, grid, size=(640, 480), pixel_spacing_mm=(0.02, 0.02))
    assert squeezed is not None
    assert true is not None
    assert squeezed.compactness > 1.025
    assert true.compactness == pytest.approx(1, abs=0.02)
    assert true.diameter_mm == pytest.approx(0.6 * 480 * 0.02, rel=0.02)
    assert true.asymmetry_shape < 0.03


def test_a_lesion_that_the_frame_cuts_has_no_size() -> None:
    def slightly(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return disc(x - 0.21, y)

    cut = measured(slightly, pixel_spacing_mm=(0.05, 0.05))
    assert cut.touches_border
    assert cut.area_mm2 is None
    assert cut.diameter_mm is None
    assert not measured(disc).touches_border


def test_no_figures_of_what_is_no_lesion_or_mostly_outside() -> None:
    frame, grid = draw(lambda x, y: disc(x - 0.4, y))
    assert shape.measure(frame, grid) is None
    assert shape.outline(grid, grid.shape)
    assert shape.measure(frame, np.full_like(grid, 255)) is None
    assert shape.measure(frame, np.zeros_like(grid)) is None
    speck = np.zeros_like(grid)
    speck[20, 20] = 140
    assert shape.measure(frame, speck) is None


def test_the_outline_runs_around_the_lesion() -> None:
    _, grid = draw(disc)
    (points,) = shape.outline(grid.tobytes(), (GRID, GRID))
    radii = np.hypot(*(np.array(points) - 0.5).T)
    assert np.abs(radii - 0.3).max() < 0.5 / GRID
    assert shape.path([points]).startswith("M")
    assert shape.path([points]).endswith(" Z")
    assert shape.path([]) == ""


def test_rows_and_columns_are_not_mixed_up() -> None:
    grid = np.zeros((20, 40), np.uint8)
    grid[5:15, 30:36] = 255
    (points,) = shape.outline(grid.tobytes(), (20, 40))
    x, y = np.array(points).T
    assert (x.min(), x.max()) == pytest.approx((30 / 40, 36 / 40), abs=0.02)
    assert (y.min(), y.max()) == pytest.approx((5 / 20, 15 / 20), abs=0.03)
    with pytest.raises(ValueError, match="reshape"):
        shape.outline(grid.tobytes(), (40, 40))


def test_one_lesion_without_holes_remains() -> None:
    _, grid = draw(disc)
    grid[18:22, 18:22] = 0
    grid[0:2, 0:2] = 255
    assert len(shape.outline(grid, grid.shape)) == 1
    kept = shape.lesion(grid)
    assert (kept[18:22, 18:22] == 255).all()
    assert not kept[0:3, 0:3].any()


def test_a_frame_that_is_all_lesion_has_its_own_edge_as_outline() -> None:
    (points,) = shape.outline(np.full((8, 8), 150, np.uint8), (8, 8))
    x, y = np.array(points).T
    assert (x.min(), x.max(), y.min(), y.max()) == (0, 1, 0, 1)
    assert shape.outline(np.zeros((8, 8), np.uint8), (8, 8)) == []
