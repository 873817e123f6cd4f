"""A place on the map: checked, and found in what a form or the API says."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.errors import Invalid
from patients.body_map import REGIONS, VIEWS, Region

NOWHERE = {"place_view": "", "place_x": None, "place_y": None, "region": ""}
DIGITS = 4  # of a fraction: finer than a finger or a mouse can point


@dataclass(frozen=True)
class Place:
    """A point in a view, as fractions of its width and height, and the region it lies in."""

    view: str
    x: float
    y: float
    region: str

    @classmethod
    def at(cls, view: str, x: float, y: float, region: str = "") -> "Place":
        """The place at a point.

        Invalid for an unknown view, a point beside the body, or a `region` that is not there.
        """
        if view not in VIEWS:
            raise _refused("place", _("Choose a view of the body map."))
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise _refused("place", _("The point does not lie on the body map."))
        x, y = round(x, DIGITS), round(y, DIGITS)
        found = VIEWS[view].region_at(x, y)
        if found is None:
            raise _refused("place", _("The point lies beside the body: choose one on it."))
        if region and region != found:
            raise _refused(
                "place",
                _("The point lies on another region: %(region)s.")
                % {"region": REGIONS[found].display},
            )
        return cls(view, x, y, found)

    @classmethod
    def of_region(cls, view: str, region: str) -> "Place":
        """The middle of a region, as chosen from a list. Invalid if it is not there."""
        if view not in VIEWS or region not in VIEWS[view].regions:
            raise _refused("place", _("Choose a region of the body map."))
        x, y = VIEWS[view].centre(region)
        return cls(view, x, y, region)

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place that `str()` of one names; None for "". Invalid for anything else."""
        if not text:
            return None
        view, _colon, rest = text.partition(":")
        region, _colon, point = rest.partition(":")
        x, _colon, y = point.partition(":")
        try:
            return cls.at(view, float(x), float(y), region)
        except ValueError:
            raise _refused("place", _("The point does not lie on the body map.")) from None

    def __str__(self) -> str:
        return f"{self.spot}:{self.x}:{self.y}"

    @property
    def spot(self) -> str:
        """View and region, as a list of them names it."""
        return f"{self.view}:{self.region}"

    @property
    def columns(self) -> dict[str, str | float]:
        """As a lesion stores it, by field."""
        return {
            "place_view": self.view,
            "place_x": self.x,
            "place_y": self.y,
            "region": self.region,
        }

    @property
    def where(self) -> Region:
        """The region, with its code, side and body site."""
        return REGIONS[self.region]

    @property
    def words(self) -> str:
        """The region in words, with its side."""
        return self.where.display

    def contradicts(self, body_site: str, laterality: str) -> dict[str, list[StrOrPromise]]:
        """What somebody else said of site and side and this place does not bear out, by field."""
        wrong: dict[str, list[StrOrPromise]] = {}
        said = _("The point on the body map lies elsewhere: %(region)s.") % {"region": self.words}
        if body_site and body_site != self.where.site:
            wrong["body_site"] = [said]
        if laterality and laterality != self.where.laterality:
            wrong["laterality"] = [said]
        return wrong


def _refused(field: str, sentence: StrOrPromise) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})
