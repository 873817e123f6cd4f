"""The body map: where a lesion is, as a point on a drawing of the body.

A place is a view's key and a point in it, as fractions of the view's width and height from its
upper left corner, with the region of the skin that the point lies in.
"""

from django.utils.translation import gettext_lazy as _

from patients.body_map.figures import body, hands_feet, head
from patients.body_map.figures.drawing import Cell, View
from patients.body_map.regions import REGIONS, Region

VIEWS: dict[str, View] = {view.key: view for view in [*body.VIEWS, *head.VIEWS, *hands_feet.VIEWS]}
GROUPS = {"body": _("Body"), "head": _("Head"), "hands": _("Hands"), "feet": _("Feet")}

__all__ = ["GROUPS", "REGIONS", "VIEWS", "Cell", "Region", "View"]
