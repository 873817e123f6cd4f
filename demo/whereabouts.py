"""Where the demo's lesions lie on the body map: a place that fits body site and side."""

from typing import Any

from patients.body_map import REGIONS, VIEWS, Region
from patients.body_map.places import Place

UNPLACED = 7  # one lesion of so many is known by its site alone, as before there was a map


def whereabouts(body_site: str, laterality: str, *, turn: int) -> dict[str, Any]:
    """What a lesion is added with. The same `turn` is always the same place."""
    fitting = [
        (view.key, region)
        for view in VIEWS.values()
        for region in view.regions
        if _fits(REGIONS[region], body_site, laterality)
    ]
    if not fitting or turn % UNPLACED == 0:
        return {"body_site": body_site, "laterality": laterality}
    return {"place": Place.of_region(*fitting[turn % len(fitting)])}


def _fits(region: Region, body_site: str, laterality: str) -> bool:
    return region.site == body_site and laterality in ("", region.laterality)
