"""Does the file name the patient it was filed under? DICOM's own tags against the record."""

import unicodedata
from collections.abc import Mapping

from imaging.formats import DicomTags
from patients.models import Patient

Differences = dict[str, dict[str, str]]


def plain(text: str) -> str:
    """Letters and digits of any script, without case and accents: 'Müller-Lü' meets 'MULLER LU'."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if c.isalnum())


def differences(tags: DicomTags | None, patient: Patient) -> Differences:
    """Each identifying tag that is filled in and contradicts the record, as file against record.

    Empty tags contradict nothing: cameras often leave them out.
    """
    if tags is None:
        return {}
    pairs = {
        "mrn": (tags.patient_id, patient.mrn),
        "family_name": (tags.family_name, patient.family_name),
        "given_name": (tags.given_name, patient.given_name),
    }
    found: Differences = {
        field: {"file": theirs, "record": ours}
        for field, (theirs, ours) in pairs.items()
        if plain(theirs) and plain(theirs) != plain(ours)
    }
    if tags.birth_date and tags.birth_date != patient.birth_date:
        born = {
            "file": tags.birth_date.isoformat(),
            "record": patient.birth_date.isoformat(),
        }
        found["birth_date"] = born
    theirs = {"F": "female", "M": "male"}.get(tags.sex, "")
    if theirs and patient.sex in ("female", "male") and theirs != patient.sex:
        found["sex"] = {"file": theirs, "record": patient.sex}
    return found


def confirmed(patient: Patient, identifiers: Mapping[str, str]) -> list[str]:
    """The identifiers that a person typed and that fit the record, of those typed; sorted."""
    return sorted(
        field
        for field, typed in identifiers.items()
        if field in ("mrn", "family_name", "given_name", "birth_date")
        and plain(typed)
        and plain(typed) == plain(str(getattr(patient, field)))
    )
