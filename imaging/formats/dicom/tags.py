"""The patient, study and device tags that are compared with the chosen patient; never trusted."""

import math
import re
import struct
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from pydicom.dataset import Dataset
from pydicom.uid import UID_dictionary

from imaging.formats.dicom.reading import Object, quiet
from imaging.formats.refusal import Refused

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_TIME = re.compile(r"(\d{2})(\d{2})?(\d{2})?(?:\.(\d{1,6}))?$")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})$")
MAX_TEXT = 128
# What pydicom's converters raise over hostile values; some only when a value is written out.
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class DicomTags:
    """What a DICOM object says about itself; a missing or unreadable value is "" or None.

    ``sex`` is DICOM's M, F or O; ``laterality`` R, L, U or B. ``pixel_spacing_mm`` is (between
    rows, between columns) in millimetres. ``acquired_at`` is aware only where the object states
    its offset from UTC; otherwise it is the device's local time.
    """

    patient_id: str
    issuer_of_patient_id: str
    family_name: str
    given_name: str
    birth_date: date | None
    sex: str
    accession_number: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    transfer_syntax_uid: str
    acquired_at: datetime | None
    laterality: str
    body_part: str
    manufacturer: str
    model_name: str
    pixel_spacing_mm: tuple[float, float] | None
    burned_in_annotation: str


def read_tags(opened: Object, sop_class: str) -> DicomTags:
    """Read the tags; one that cannot be read is left out, whatever its value representation."""
    dataset = opened.dataset
    with quiet():
        family, given = _name(dataset)
        return DicomTags(
            patient_id=text(dataset, "PatientID"),
            issuer_of_patient_id=text(dataset, "IssuerOfPatientID"),
            family_name=family,
            given_name=given,
            birth_date=_date(text(dataset, "PatientBirthDate")),
            sex=_one_of(text(dataset, "PatientSex"), "M", "F", "O"),
            accession_number=text(dataset, "AccessionNumber"),
            study_instance_uid=_uid(dataset, "StudyInstanceUID"),
            series_instance_uid=_uid(dataset, "SeriesInstanceUID"),
            sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
            sop_class_uid=sop_class,
            modality=text(dataset, "Modality")[:16],
            transfer_syntax_uid=opened.transfer_syntax,
            acquired_at=_acquired_at(dataset),
            laterality=_one_of(
                text(dataset, "ImageLaterality") or text(dataset, "Laterality"), "R", "L", "U", "B"
            ),
            body_part=text(dataset, "BodyPartExamined")[:16],
            manufacturer=text(dataset, "Manufacturer")[:64],
            model_name=text(dataset, "ManufacturerModelName")[:64],
            pixel_spacing_mm=_spacing(dataset),
            burned_in_annotation=_one_of(text(dataset, "BurnedInAnnotation"), "YES", "NO"),
        )


def value(dataset: Dataset, keyword: str) -> object:
    """Return an element's value, None where it is missing. Refuses one that cannot be read."""
    try:
        return dataset.get(keyword)
    except UNREADABLE as error:
        raise Refused("damaged") from error


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element as one printable line of at most 128 characters; "" if it has none."""
    try:
        found = dataset.get(keyword)
        return "" if found is None or isinstance(found, bytes) else _clean(str(found))
    except UNREADABLE:
        return ""


def name_of(found: str) -> str:
    """Return the standard's name for a UID (PS3.6, annex A), or the UID itself.

    Looked up in the dictionary, for pydicom's UID class warns of every one it does not like.
    """
    if found in UID_dictionary:
        return UID_dictionary[found][0]
    return found if _UID.fullmatch(found) and len(found) <= 64 else "unknown"


def _clean(words: str) -> str:
    words = words.encode("utf-8", "replace").decode("utf-8")
    return " ".join(_UNPRINTABLE.sub(" ", words).split())[:MAX_TEXT]


def _name(dataset: Dataset) -> tuple[str, str]:
    """Family and given name: the alphabetic group, or the ideographic one where that is empty."""
    try:
        groups = str(dataset.get("PatientName") or "").split("=")
    except UNREADABLE:
        return "", ""
    group = next((each for each in groups if each.strip("^ ")), "")
    parts = [_clean(part) for part in group.split("^")] + ["", ""]
    return parts[0], parts[1]


def _one_of(word: str, *allowed: str) -> str:
    return word.upper() if word.upper() in allowed else ""


def _uid(dataset: Dataset, keyword: str) -> str:
    found = text(dataset, keyword)
    return found if len(found) <= 64 and _UID.fullmatch(found) else ""


def _date(digits: str) -> date | None:
    digits = digits.replace(".", "") if digits[4:5] == "." else digits.replace("-", "")
    if len(digits) < 8 or not digits[:8].isascii() or not digits[:8].isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def _acquired_at(dataset: Dataset) -> datetime | None:
    """When the picture was taken: the most exact of acquisition, content and study time."""
    zone = _zone(text(dataset, "TimezoneOffsetFromUTC"))
    stamp = text(dataset, "AcquisitionDateTime")
    own_zone = _OFFSET.search(stamp)
    if own_zone is not None:
        stamp, zone = stamp[: own_zone.start()], _zone(own_zone.group()) or zone
    pairs = [(stamp[:8], stamp[8:])] if stamp else []
    pairs += [
        (text(dataset, kind + "Date"), text(dataset, kind + "Time"))
        for kind in ("Acquisition", "Content", "Study")
    ]
    for day, clock in pairs:
        found = _moment(day, clock, zone)
        if found is not None:
            return found
    return None


def _moment(day: str, clock: str, zone: timezone | None) -> datetime | None:
    on = _date(day)
    if on is None:
        return None
    match = _TIME.match(clock.replace(":", ""))
    hour, minute, second, fraction = match.groups(default="0") if match else ("0", "0", "0", "0")
    try:
        return datetime(
            on.year,
            on.month,
            on.day,
            int(hour),
            int(minute),
            min(int(second), 59),  # DICOM allows a leap second, Python does not
            int(fraction.ljust(6, "0")),
            tzinfo=zone,
        )
    except ValueError:
        return None


def _zone(offset: str) -> timezone | None:
    match = _OFFSET.fullmatch(offset)
    if match is None:
        return None
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if ahead > timedelta(hours=14):
        return None
    return timezone(ahead if match[1] == "+" else -ahead)


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    try:
        found = dataset.get("PixelSpacing")
        rows, columns = (float(each) for each in found or ())
    except UNREADABLE:
        return None
    if all(math.isfinite(each) and 0 < each < 100 for each in (rows, columns)):
        return rows, columns
    return None
