"""The last move of a marker on the body map, kept in the session until a page offers its undo."""

import uuid
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dermaclinic.accounts.web import MemberRequest
from patients.body_map.places import Place
from patients.models import Lesion

KEY = "moved_lesion"


@dataclass(frozen=True)
class Move:
    """`former` and `now` are places as `Place.parse` reads them; "" is off the map."""

    patient: str
    lesion: str
    number: int
    former: str
    now: str

    @property
    def words(self) -> str:
        """What happened, in a sentence."""
        place = Place.parse(self.now)
        if place is None:
            return _("Lesion %(number)d is no longer on the body map.") % {"number": self.number}
        said = {"number": self.number, "region": place.words}
        if not self.former:
            return _("Lesion %(number)d is on the body map now: %(region)s.") % said
        return _("Lesion %(number)d was moved: %(region)s.") % said


def remember(request: MemberRequest, lesion: Lesion, former: Place | None) -> None:
    """Keep a move for the next page."""
    request.session[KEY] = {
        "patient": str(lesion.patient_id),
        "lesion": str(lesion.pk),
        "number": lesion.number,
        "former": str(former or ""),
        "now": str(lesion.place or ""),
    }


def take(request: MemberRequest, patient_id: uuid.UUID) -> Move | None:
    """The last move of a lesion of this patient; once."""
    kept = request.session.get(KEY)
    if not kept or kept["patient"] != str(patient_id):
        return None
    del request.session[KEY]
    return Move(**kept)
