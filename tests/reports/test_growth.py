"""Growth over visits: medians, rates by the year, and when there are none."""

from datetime import date, timedelta

import pytest

from reports.growth import MIN_DAYS, Size, growth, plot

FIRST = date(2025, 1, 1)


def size(diameter: float, *, model: str = "1") -> Size:
    return Size(diameter, diameter**2, model)


def after(days: int) -> date:
    return FIRST + timedelta(days=days)


def test_one_known_size_is_no_growth() -> None:
    assert growth([]) is None
    assert growth([(FIRST, [size(4)]), (after(200), [])]) is None
    assert growth([(FIRST, [size(4)]), (FIRST, [size(5)])]) is None, "twice on one day"


def test_rates_are_by_the_year() -> None:
    found = growth([(after(731), [size(6)]), (FIRST, [size(4)])])
    assert found is not None
    assert found.diameter_per_year == pytest.approx(1.0, abs=0.01)
    assert found.area_per_year == pytest.approx(10.0, abs=0.1)
    assert (found.first.diameter, found.last.diameter, found.months) == (4, 6, 24)


def test_a_line_through_all_visits() -> None:
    found = growth([(after(0), [size(4)]), (after(365), [size(7)]), (after(730), [size(4)])])
    assert found is not None
    assert found.diameter_per_year == pytest.approx(0.0, abs=0.01), "not first against last alone"


def test_of_several_images_the_median() -> None:
    found = growth([(FIRST, [size(4), size(9), size(4.4)]), (after(400), [size(5)])])
    assert found is not None
    assert (found.first.diameter, found.first.images) == (4.4, 3)


def test_visits_too_close_have_no_rate() -> None:
    found = growth([(FIRST, [size(4)]), (after(MIN_DAYS - 1), [size(5)])])
    assert found is not None
    assert (found.diameter_per_year, found.area_per_year) == (None, None)
    longer = growth([(FIRST, [size(4)]), (after(MIN_DAYS), [size(5)])])
    assert longer is not None
    assert longer.diameter_per_year is not None


def test_outlines_of_two_models_are_counted() -> None:
    found = growth([(FIRST, [size(4)]), (after(400), [size(5, model="2")])])
    assert found is not None
    assert found.models == 2


@pytest.mark.parametrize("diameters", [(4.0, 5.5), (0.6, 0.4), (12.0, 48.0), (5.0, 5.0)])
def test_the_plot_begins_at_nought_and_holds_every_dot(diameters: tuple[float, float]) -> None:
    found = growth([(after(index * 300), [size(each)]) for index, each in enumerate(diameters)])
    assert found is not None
    drawn = plot(found)
    assert drawn.ticks[0] == (drawn.bottom, 0)
    assert drawn.ticks[-1][1] > max(diameters)
    heights = [y for _x, y, _point in drawn.dots]
    assert all(drawn.ticks[-1][0] <= y < drawn.bottom for y in heights)
    assert (heights[0] > heights[1]) == (diameters[0] < diameters[1])
    assert drawn.dots[0][0] < drawn.dots[1][0] <= drawn.right
