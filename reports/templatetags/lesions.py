"""What a patient's page shows of how the lesions stand."""

from collections.abc import Iterable
from dataclasses import dataclass

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from patients.body_map.markers import Marker, State, marker
from patients.models import Lesion, Patient
from reports.selectors.timeline import Standing, standings

register = template.Library()


@dataclass(frozen=True)
class Overview:
    """The lesions of a patient with how they stand, and the markers of those on the map."""

    lesions: list[tuple[Lesion, Standing]]
    markers: list[Marker]

    @property
    def unplaced(self) -> list[Lesion]:
        """Those that nobody has put on the map."""
        return [lesion for lesion, _standing in self.lesions if lesion.place is None]


@register.simple_tag(takes_context=True)
def lesion_overview(context: Context, patient: Patient, lesions: Iterable[Lesion]) -> Overview:
    """Of the patient whose record is open."""
    known = standings(context["request"].actor, patient.pk)
    rows = [(lesion, known.get(lesion.pk, Standing(State.NEW))) for lesion in lesions]
    return Overview(
        lesions=rows,
        markers=[
            marker(
                number=lesion.number,
                place=lesion.place,
                state=standing.state,
                name=_name(lesion, standing),
                href=reverse("reports:lesion", args=[lesion.pk]),
            )
            for lesion, standing in rows
            if lesion.place is not None
        ],
    )


def _name(lesion: Lesion, standing: Standing) -> str:
    """For a screen reader: “Lesion 3, Chest, left: followed, due 3 May 2027”."""
    said = [str(standing.state.words)]
    if standing.due:
        said.append(_("due %(day)s") % {"day": date_format(standing.due, "j M Y")})
    return _("Lesion %(number)d, %(site)s: %(state)s") % {
        "number": lesion.number,
        "site": lesion.site,
        "state": ", ".join(said),
    }
