"""The diagnoses that a doctor records, in SNOMED CT, and the network's class that holds each.

The network's seven classes are diagnoses of their own, with the codes of the network's table. Finer
ones are disorders of the International Edition and point to the class that holds them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.utils.translation import get_language, gettext_lazy as _
from django_stubs_ext import StrPromise

from inference.network.classes import CLASSES

SYSTEM = "http://snomed.info/sct"


@dataclass(frozen=True)
class Diagnosis:
    """A SNOMED CT concept. `malignant` counts in-situ disease in, and premalignant with a class.

    `model_class` is the key of the network's class (inference/network/classes.py) in which such a
    lesion was counted in training (HAM10000, Tschandl et al. 2018), or None where none holds it.
    """

    code: str
    display: StrPromise
    malignant: bool
    model_class: str | None


_CLASSES = {row.key: row for row in CLASSES}


def _class(key: str, name: StrPromise) -> Diagnosis:
    row = _CLASSES[key]
    return Diagnosis(row.code, name, row.malignant, key)


# The concepts that stand for the network's classes, whole.
_WHOLE = [
    _class("mel", _("Malignant melanoma of skin")),
    _class("nv", _("Melanocytic nevus of skin")),
    _class("bcc", _("Basal cell carcinoma of skin")),
    _class("akiec", _("Actinic keratosis")),
    _class("bkl", _("Seborrheic keratosis")),
    _class("df", _("Dermatofibroma")),
    _class("vasc", _("Hemangioma")),
]

_FINER = [
    Diagnosis("109266006", _("Melanoma in situ of skin"), True, "mel"),
    Diagnosis("302836005", _("Lentigo maligna"), True, "mel"),
    Diagnosis("302837001", _("Lentigo maligna melanoma"), True, "mel"),
    Diagnosis("254730000", _("Superficial spreading malignant melanoma of skin"), True, "mel"),
    Diagnosis("254731001", _("Nodular malignant melanoma of skin"), True, "mel"),
    Diagnosis("254732008", _("Acral lentiginous malignant melanoma of skin"), True, "mel"),
    Diagnosis("276751004", _("Amelanotic malignant melanoma of skin"), True, "mel"),
    Diagnosis("716274007", _("Nodular basal cell carcinoma of skin"), True, "bcc"),
    Diagnosis("403914000", _("Superficial basal cell carcinoma"), True, "bcc"),
    Diagnosis("254656002", _("Squamous cell carcinoma in situ of skin (Bowen)"), True, "akiec"),
    Diagnosis("254651007", _("Squamous cell carcinoma of skin"), True, None),
    Diagnosis("254662007", _("Keratoacanthoma"), False, None),
    Diagnosis("253001006", _("Merkel cell carcinoma of skin"), True, None),
    Diagnosis("254727007", _("Extramammary Paget's disease of skin"), True, None),
    Diagnosis("109386008", _("Kaposi's sarcoma of skin"), True, None),
    Diagnosis("276799004", _("Dermatofibrosarcoma protuberans"), True, None),
    Diagnosis("254794007", _("Angiosarcoma of skin"), True, None),
    Diagnosis("94579000", _("Metastatic malignant neoplasm to skin"), True, None),
    Diagnosis("254818000", _("Dysplastic nevus of skin"), False, "nv"),
    Diagnosis("1260467009", _("Large congenital pigmented melanocytic nevus of skin"), False, "nv"),
    Diagnosis("72100002", _("Solar lentigo"), False, "bkl"),
    Diagnosis("419893006", _("Epidermoid cyst"), False, None),
    Diagnosis("33659008", _("Keloid scar"), False, None),
    Diagnosis("9014002", _("Psoriasis"), False, None),
    Diagnosis("43116000", _("Eczema"), False, None),
    Diagnosis("92384009", _("Benign neoplasm of skin, other"), False, None),
]

_IN_SITU = {"109266006", "302836005", "254656002"}
_PREMALIGNANT = {_CLASSES["akiec"].code}

DIAGNOSES: dict[str, Diagnosis] = {each.code: each for each in [*_WHOLE, *_FINER]}


def display(code: str) -> str:
    """A concept's name; the code itself for one that this version does not know."""
    return _names_in(get_language()).get(code, code)


@cache
def _names_in(_language: str | None) -> Mapping[str, str]:
    """All names in one language, which is the one in use: a list asks for hundreds of them."""
    return {each.code: str(each.display) for each in DIAGNOSES.values()}


def warning(code: str) -> str:
    """What a page marks a diagnosis with: premalignant, in situ, malignant; empty when benign."""
    known = DIAGNOSES.get(code)
    if known is None or not known.malignant:
        return ""
    if code in _PREMALIGNANT:
        return str(_("premalignant"))
    return str(_("in situ") if code in _IN_SITU else _("malignant"))


def model_class(code: str) -> str | None:
    """The network's class that holds a diagnosis, if any."""
    known = DIAGNOSES.get(code)
    return known.model_class if known else None


def class_code(code: str) -> str | None:
    """The SNOMED CT code of the network's class that holds a diagnosis, if any."""
    key = model_class(code)
    return _CLASSES[key].code if key else None
