"""Body sites: our key, SNOMED CT code and display, whether a side is needed, and HAM10000's name.

Codes are skin structures of DICOM PS3.16 CID 4029 (Dermatology Anatomic Sites), SNOMED CT.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class BodySite:
    """A place on the skin. `paired` sites exist on both sides: a lesion there needs a laterality.

    `metadata` is the name that the network's metadata vocabulary uses for it.
    """

    key: str
    code: str
    display: StrPromise
    paired: bool
    metadata: str


_SITES = [
    BodySite("scalp", "43067004", _("Scalp"), False, "scalp"),
    BodySite("face", "73897004", _("Face"), False, "face"),
    BodySite("ear", "1902009", _("Ear"), True, "ear"),
    BodySite("neck", "43081002", _("Neck"), False, "neck"),
    BodySite("chest", "244106003", _("Chest"), False, "chest"),
    BodySite("abdomen", "75093004", _("Abdomen"), False, "abdomen"),
    BodySite("back", "66643007", _("Back"), False, "back"),
    BodySite("trunk", "86381001", _("Trunk, elsewhere"), False, "trunk"),
    BodySite("genital", "60944009", _("Genital region"), False, "genital"),
    BodySite("upper_extremity", "371311000", _("Arm"), True, "upper extremity"),
    BodySite("hand", "33712006", _("Hand"), True, "hand"),
    BodySite("lower_extremity", "371304004", _("Leg"), True, "lower extremity"),
    BodySite("foot", "60496002", _("Foot"), True, "foot"),
    BodySite("acral", "312515005", _("Palm, sole or nail"), True, "acral"),
]

BODY_SITES: dict[str, BodySite] = {site.key: site for site in _SITES}
PAIRED_SITES: list[str] = [site.key for site in _SITES if site.paired]
CHOICES = [(site.key, site.display) for site in _SITES]
