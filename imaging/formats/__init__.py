"""Admission: a stranger's bytes in, a clean picture out, or a refusal that says why.

The content decides what a file is, never its name. Limits are checked on headers, before anything
is decoded. What is kept is upright 8-bit sRGB without metadata; of DICOM also the object itself.
Each file is read in a process of its own, with limits of memory and time (imaging/formats/reader).
"""

import hashlib
import logging
from dataclasses import dataclass

from imaging.formats import reader
from imaging.formats.admitted import Picture, understood
from imaging.formats.dicom.reading import without_preamble
from imaging.formats.dicom.tags import DicomTags
from imaging.formats.refusal import MAX_BYTES, MAX_PIXELS, MIN_SIDE, SENTENCES, Refused

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "SENTENCES",
    "Admitted",
    "DicomTags",
    "Refused",
    "admit",
    "warm",
]

logger = logging.getLogger(__name__)
warm = reader.warm


@dataclass(frozen=True)
class Admitted(Picture):
    """A picture that was taken in.

    ``format`` is "jpeg", "png" or "dicom"; ``sha256`` the hex digest of the received bytes;
    ``width`` and ``height`` those of ``image``: a JPEG or PNG, upright, 8-bit RGB, sRGB, without
    metadata. ``thumbnail`` is a JPEG, longest side at most 320. ``original`` is the DICOM object
    as received with its preamble zeroed; None for other formats. ``quality`` holds the fields of
    ``imaging.quality.Quality``.
    """

    sha256: str
    original: bytes | None


def admit(data: bytes, *, filename: str = "") -> Admitted:
    """Check, decode and clean an uploaded file.

    ``filename`` is only asked for its ending: one that names another image format is refused.
    Raises Refused for bad input; Unavailable when files cannot be read at all just now.
    """
    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too-large", limit=MAX_BYTES // (1024 * 1024))
    outcome = reader.read(data, filename)
    if outcome.code:
        logger.warning("A file's reader ended: %s", outcome.how)
        raise Refused(outcome.code)
    try:
        picture = understood(outcome.answer)
    except Refused as refused:
        if refused.place:
            logger.warning("A file broke its reader: %s", refused.place)
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        logger.warning("A file's reader gave no sensible answer: %s", type(error).__name__)
        raise Refused("damaged") from error
    return Admitted(
        **vars(picture),
        sha256=hashlib.sha256(data).hexdigest(),
        original=without_preamble(data) if picture.format == "dicom" else None,
    )
