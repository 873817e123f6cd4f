"""What a reader's process says of a file, and how it travels: JSON and bytes, never objects.

The process has met a stranger's bytes, so its answer is believed no more than they are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from imaging.formats.dicom.tags import MAX_TEXT, DicomTags
from imaging.formats.refusal import MAX_PIXELS, MIN_SIDE, SENTENCES, Refused
from imaging.quality import Quality

_STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_FORMATS = ("jpeg", "png", "dicom")
_PLACE = re.compile(r"[\w. :<>]{1,160}")


@dataclass(frozen=True)
class Picture:
    """A file that was read: see ``Admitted`` for its fields."""

    format: str
    width: int
    height: int
    image: bytes
    image_media_type: str
    thumbnail: bytes
    dicom: DicomTags | None
    quality: dict[str, Any]


def answer(picture: Picture) -> bytes:
    """One line of JSON, then the image's bytes and the thumbnail's."""
    said = asdict(picture)
    image, thumbnail = said.pop("image"), said.pop("thumbnail")
    said["sizes"] = [len(image), len(thumbnail)]
    line = json.dumps(said, default=lambda value: value.isoformat())
    return b"".join([line.encode(), b"\n", image, thumbnail])


def refusal(refused: Refused, place: str = "") -> bytes:
    """One line of JSON."""
    said = {"refused": refused.code, "details": refused.details, "place": place}
    return json.dumps(said, default=str).encode() + b"\n"


def understood(raw: bytes) -> Picture:
    """The picture of an answer. Raises Refused as the answer says; ValueError for nonsense."""
    line, newline, rest = raw.partition(b"\n")
    if not newline:
        raise ValueError("no answer")
    said = json.loads(line, parse_constant=_no_constant)
    if not isinstance(said, dict):
        raise TypeError("an answer is an object")
    if "refused" in said:
        raise _refused(said)
    sizes = said.pop("sizes")
    if len(sizes) != 2 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError("sizes")
    if sum(sizes) != len(rest):
        raise ValueError("an answer of another length")
    tags = said.pop("dicom")
    quality = Quality(**said.pop("quality"))
    picture = Picture(
        **said,
        image=rest[: sizes[0]],
        thumbnail=rest[sizes[0] :],
        dicom=None if tags is None else _tags(tags),
        quality={each.name: _plain(getattr(quality, each.name)) for each in fields(Quality)},
    )
    _check(picture)
    return picture


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _refused(said: Mapping[str, Any]) -> Refused:
    code, details = said["refused"], said["details"]
    if code not in SENTENCES or not isinstance(details, dict):
        raise ValueError("an unknown refusal")
    refused = Refused(code, **{name: _plain(value) for name, value in details.items()})
    place = str(said.get("place", ""))
    refused.place = place if _PLACE.fullmatch(place) else ""
    return refused


def _plain(value: Any) -> Any:
    """A number, a short text, or a list of short texts."""
    if isinstance(value, list):
        return [str(each)[:MAX_TEXT] for each in value[:16]]
    return value if isinstance(value, int | float) else str(value)[:MAX_TEXT]


def _check(picture: Picture) -> None:
    sides = picture.width, picture.height
    if not all(isinstance(side, int) for side in sides):
        raise TypeError("sides")
    if min(sides) < MIN_SIDE or picture.width * picture.height > MAX_PIXELS:
        raise ValueError("sides")
    if picture.format not in _FORMATS or (picture.dicom is None) != (picture.format != "dicom"):
        raise ValueError("format")
    if not picture.image.startswith(_STARTS[picture.image_media_type]):
        raise ValueError("image")
    if not picture.thumbnail.startswith(_STARTS["image/jpeg"]):
        raise ValueError("thumbnail")


def _tags(said: Mapping[str, Any]) -> DicomTags:
    made: dict[str, Any] = {}
    for field in fields(DicomTags):
        value = said[field.name]
        if field.name == "birth_date":
            made[field.name] = None if value is None else date.fromisoformat(value)
        elif field.name == "acquired_at":
            made[field.name] = None if value is None else datetime.fromisoformat(value)
        elif field.name == "pixel_spacing_mm":
            made[field.name] = None if value is None else (float(value[0]), float(value[1]))
        elif isinstance(value, str) and len(value) <= MAX_TEXT:
            made[field.name] = value
        else:
            raise ValueError(field.name)
    return DicomTags(**made)
