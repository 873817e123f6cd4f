"""The demo's lesions lie where their body site and side say."""

import pytest

from demo.whereabouts import UNPLACED, whereabouts
from patients.body_map.places import Place
from patients.body_sites import BODY_SITES


@pytest.mark.parametrize("site", BODY_SITES)
def test_a_place_fits_site_and_side(site: str) -> None:
    side = "right" if BODY_SITES[site].paired else ""
    found = [whereabouts(site, side, turn=turn) for turn in range(1, UNPLACED)]
    for each in found:
        place = each["place"]
        assert isinstance(place, Place)
        assert place.where.site == site
        assert side in ("", place.where.laterality)
    assert found == [whereabouts(site, side, turn=turn) for turn in range(1, UNPLACED)]


def test_some_are_not_on_the_map() -> None:
    assert whereabouts("back", "", turn=UNPLACED) == {"body_site": "back", "laterality": ""}
