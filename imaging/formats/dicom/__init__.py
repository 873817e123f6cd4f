"""DICOM (PS3.3, PS3.5, PS3.10): one photograph, dermoscopy image, capture or ultrasound image.

``read`` walks the object, checks what it claims, decodes the one frame and renders it.
"""

from dataclasses import dataclass

import numpy as np
from pydicom import uid

from imaging.formats import raster
from imaging.formats.dicom.display import render
from imaging.formats.dicom.pixels import GREYSCALE, read_header, read_samples
from imaging.formats.dicom.reading import PREAMBLE, Object, looks_like_dicom, open_object, quiet
from imaging.formats.dicom.tags import DicomTags, name_of, read_tags, text, value
from imaging.formats.refusal import Refused

__all__ = ["DicomTags", "Reading", "looks_like_dicom", "read"]

ACCEPTED = {
    str(uid.VLPhotographicImageStorage),
    "1.2.840.10008.5.1.4.1.1.77.1.7",  # Dermoscopic Photography Image Storage
    str(uid.SecondaryCaptureImageStorage),
    str(uid.UltrasoundImageStorage),
}
_MULTI_FRAME = {
    str(uid.UltrasoundMultiFrameImageStorage),
    str(uid.MultiFrameSingleBitSecondaryCaptureImageStorage),
    str(uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage),
    str(uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage),
    str(uid.MultiFrameTrueColorSecondaryCaptureImageStorage),
    str(uid.VideoPhotographicImageStorage),
    str(uid.VideoEndoscopicImageStorage),
    str(uid.VideoMicroscopicImageStorage),
}
_VIDEO_SYNTAXES = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7.")
# A preamble may begin a TIFF (dual-personality files); a program or a page has no business there.
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"%PDF", b"PK\x03\x04", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed")


@dataclass(frozen=True)
class Reading:
    """A DICOM object as admitted."""

    picture: raster.Picture
    tags: DicomTags


def read(data: bytes) -> Reading:
    """Read a DICOM object. Raises Refused; the checks run from the cheap to the expensive."""
    preamble = data[:PREAMBLE] if data[PREAMBLE : PREAMBLE + 4] == b"DICM" else b""
    if preamble.startswith(_PROGRAMS) or raster.holds_foreign_file(preamble):
        raise Refused("polyglot")
    opened = open_object(data)
    sop_class = _check_kind(opened)
    header = read_header(opened.dataset)
    tags = read_tags(opened, sop_class)
    samples = read_samples(opened, header)
    with quiet():
        found = value(opened.dataset, "ICCProfile")
    icc = found if isinstance(found, bytes) and header.interpretation not in GREYSCALE else None
    if samples.jpeg is not None and raster.means_srgb(icc):
        rgb = raster.Image.fromarray(np.asarray(samples.array))
        return Reading(raster.Picture(rgb, samples.jpeg, raster.JPEG), tags)
    image = render(samples, header, opened.dataset, little=opened.little)
    picture = raster.Picture(raster.to_srgb(image, icc), None, raster.JPEG)
    return Reading(picture, tags)


def _check_kind(opened: Object) -> str:
    """Return the SOP class of an object that is taken here."""
    with quiet():
        sop_class = text(opened.dataset, "SOPClassUID") or opened.media_sop_class
        has_directory = "DirectoryRecordSequence" in opened.dataset
    if sop_class == uid.MediaStorageDirectoryStorage or has_directory:
        raise Refused("dicomdir")
    if sop_class == uid.VLWholeSlideMicroscopyImageStorage:
        raise Refused("whole-slide")
    if sop_class in _MULTI_FRAME or opened.transfer_syntax.startswith(_VIDEO_SYNTAXES):
        raise Refused("multi-frame")
    if opened.pixels is None:
        raise Refused("no-pixels")
    if sop_class not in ACCEPTED:
        name = name_of(sop_class).removesuffix(" Storage")
        raise Refused("unsupported-sop-class", kind=name)
    return sop_class
