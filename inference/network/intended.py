"""Whom and what a package was made for, held to in code: the table `intended` of its manifest.

    [intended]
    min_age = 18
    modalities = ["dermoscopy"]
    excluded_sites = ["acral", "genital", "mucosa", "nail"]
    limited_sites = ["hand"]

Sites are words of the networks' vocabulary (`patients.body_sites`, the field `metadata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for `makemessages`, which goes by the name: pages translate it."""
    return sentence


NONE: dict[str, str] = {
    "under_age": gettext_noop(
        "The patient is younger than the people this model was made for; assess the lesion without "
        "its opinion."
    ),
    "site_excluded": gettext_noop(
        "This model was not made for this body site: it has seen too few such lesions, and no "
        "melanoma, there. Assess the lesion without its opinion."
    ),
    "modality": gettext_noop(
        "This model was not made for this kind of image; assess the lesion without its opinion, or "
        "correct the kind if it is wrong."
    ),
}

LIMITED: dict[str, str] = {
    "age_unknown": gettext_noop(
        "The patient's age on the day of the image is not known, and the model was made for adults "
        "only. Check the dates of birth and of the visit."
    ),
    "site_unknown": gettext_noop(
        "The body site is not recorded, and there are sites that this model was not made for. File "
        "the image under its lesion."
    ),
    "site_rare": gettext_noop(
        "The model has seen few malignant lesions at this body site: it may miss one there."
    ),
}

# HAM10000 has no melanoma under 18 years and none coded acral or genital; of nails and mucosa it
# has no image. A clinic records palm, sole and nail as one site, so the strictest of them holds.
# On the hand it has one melanoma in 86 images.
DERMOSCOPY: dict[str, Any] = {
    "min_age": 18,
    "modalities": ["dermoscopy"],
    "excluded_sites": ["acral", "genital", "mucosa", "nail"],
    "limited_sites": ["hand"],
}

# PAD-UFES-20 has at most a dozen images each of ear, foot, hand and scalp, and none of genital
# skin, palms, soles or nails.
CLINICAL: dict[str, Any] = {
    **DERMOSCOPY,
    "modalities": ["clinical"],
    "limited_sites": ["ear", "foot", "hand", "scalp"],
}


@dataclass(frozen=True)
class Verdict:
    """`none`, a key of NONE: there is to be no opinion. `limited`, keys of LIMITED, if there is."""

    none: str | None = None
    limited: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Intended:
    """The rules of one package."""

    min_age: float
    modalities: frozenset[str]
    excluded_sites: frozenset[str]
    limited_sites: frozenset[str]

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """The manifest's rules; without a table, those of its modality. Raises TypeError,
        KeyError, ValueError.
        """
        modality = str(manifest.get("modality", "dermoscopy"))
        usual = CLINICAL if modality == "clinical" else DERMOSCOPY
        table = manifest.get("intended", {**usual, "modalities": [modality]})
        if strange := set(table) - set(DERMOSCOPY):
            raise ValueError(f"intended: {', '.join(sorted(strange))} is no rule")
        if not 0 <= (min_age := float(table["min_age"])) <= 120:
            raise ValueError("intended: min_age is in years")
        return cls(
            min_age,
            _words(table, "modalities"),
            _words(table, "excluded_sites"),
            _words(table, "limited_sites"),
        )


def check(
    intended: Intended, *, age: float | None, site: str | None, modality: str | None
) -> Verdict:
    """May the package speak of such a case? `age` in years; None is "not known".

    An unknown age or site is not refused: the opinion is given and says so. `modality` None leaves
    the kind of image to the caller.
    """
    if modality is not None and modality not in intended.modalities:
        return Verdict("modality")
    if age is not None and age < intended.min_age:
        return Verdict("under_age")
    if site in intended.excluded_sites:
        return Verdict("site_excluded")
    codes = []
    if age is None and intended.min_age > 0:
        codes.append("age_unknown")
    if site is None and intended.excluded_sites:
        codes.append("site_unknown")
    if site in intended.limited_sites:
        codes.append("site_rare")
    return Verdict(None, codes)


def _words(table: Mapping[str, Any], name: str) -> frozenset[str]:
    words = table.get(name, [])
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise ValueError(f"intended: {name} is a list of words")
    return frozenset(words)
