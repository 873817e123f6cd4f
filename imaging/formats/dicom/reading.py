"""From a file's bytes to the small data set of wanted elements and the place of the pixels."""

import logging
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imaging.formats.dicom.elements import PIXEL_DATA, Element, Walker
from imaging.formats.refusal import Refused

MAX_INFLATED = 256 * 1024 * 1024
MAX_VALUE = 1024 * 1024  # per element of the small data set: lookup tables and profiles fit
PREAMBLE = 128

WANTED_TAGS = """
SpecificCharacterSet SOPClassUID SOPInstanceUID StudyDate StudyTime ContentDate ContentTime
AcquisitionDate AcquisitionTime AcquisitionDateTime TimezoneOffsetFromUTC AccessionNumber Modality
Manufacturer ManufacturerModelName PatientName PatientID IssuerOfPatientID PatientBirthDate
PatientSex BodyPartExamined StudyInstanceUID SeriesInstanceUID Laterality ImageLaterality
BurnedInAnnotation PixelSpacing DirectoryRecordSequence
""".split()
WANTED_PIXELS = """
SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
BitsAllocated BitsStored HighBit PixelRepresentation PixelPaddingValue
WindowCenter WindowWidth VOILUTFunction RescaleIntercept RescaleSlope ModalityLUTSequence
VOILUTSequence ICCProfile
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
SegmentedBluePaletteColorLookupTableData
""".split()
_WANTED = {tag_for_keyword(keyword) for keyword in [*WANTED_TAGS, *WANTED_PIXELS]}
_META = {0x00020002: "sop_class", 0x00020010: "transfer_syntax"}
_quiet_lock = threading.Lock()
# pydicom logs odd values word for word; they may be names and birth dates.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Object:
    """A DICOM object, opened but not believed: ``pixels`` lies in ``data``."""

    data: bytes
    dataset: Dataset
    pixels: Element | None
    transfer_syntax: str
    media_sop_class: str
    little: bool


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's remarks on odd values to itself.

    Warning filters belong to the whole process; the lock keeps two uploads from restoring each
    other's.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def looks_like_dicom(data: bytes) -> bool:
    """Tell DICOM by the "DICM" mark, or by a first element of group 0002 or 0008."""
    if data[PREAMBLE : PREAMBLE + 4] == b"DICM":
        return True
    starts = (b"\x02\x00\x00\x00", b"\x02\x00\x01\x00", b"\x02\x00\x02\x00", b"\x02\x00\x10\x00")
    little = data[:2] == b"\x08\x00" and data[3:4] == b"\0"
    big = data[:3] == b"\x00\x08\x00"
    return len(data) >= PREAMBLE and (data.startswith(starts) or little or big)


def without_preamble(data: bytes) -> bytes:
    """The object with its preamble, where anything may stand, zeroed."""
    has_one = data[PREAMBLE : PREAMBLE + 4] == b"DICM"
    return bytes(PREAMBLE) + data[PREAMBLE:] if has_one else data


def open_object(data: bytes) -> Object:
    """Walk the file and read the wanted elements. Raises Refused where it makes no sense."""
    position = PREAMBLE + 4 if data[PREAMBLE : PREAMBLE + 4] == b"DICM" else 0
    meta, position = _read_meta(data, position)
    syntax = meta.get("transfer_syntax", "")
    if syntax == DeflatedExplicitVRLittleEndian:
        data, position = _inflate(data, position), 0
    implicit, little = _encoding(data, position, syntax)
    kept = [data[0:0]]
    pixels: Element | None = None
    for element in Walker(data, position, implicit=implicit, little=little):
        if element.tag == PIXEL_DATA:
            pixels = element
        elif element.tag in _WANTED and element.end - element.start <= MAX_VALUE:
            kept.append(data[element.start : element.end])
    with quiet():
        dataset = read_dataset(BytesIO(b"".join(kept)), implicit, little)
    if not syntax and (pixels is None or pixels.fragments is None):
        syntax = _native_syntax(implicit, little)
    return Object(data, dataset, pixels, syntax, meta.get("sop_class", ""), little)


def _read_meta(data: bytes, position: int) -> tuple[dict[str, str], int]:
    """Read the File Meta Information, where there is any: always explicit, little endian."""
    meta: dict[str, str] = {}
    if data[position : position + 2] != b"\x02\x00":
        return meta, position
    implicit = not data[position + 4 : position + 6].isupper()
    walker = Walker(data, position, implicit=implicit, little=True)
    for element in walker:
        if element.tag in _META:
            value = data[element.value : min(element.end, element.value + 64)]
            meta[_META[element.tag]] = value.decode("ascii", "replace").strip(" \0")
        if data[element.end : element.end + 2] != b"\x02\x00":
            break
    return meta, walker.position


def _encoding(data: bytes, position: int, syntax: str) -> tuple[bool, bool]:
    """Tell (implicit VR, little endian) from the transfer syntax, corrected by the first element,
    which some writers encode otherwise than they say."""
    first = data[position : position + 6]
    little = syntax != ExplicitVRBigEndian if syntax else first[:1] != b"\0"
    vr = first[4:6]
    return not (len(vr) == 2 and vr.isalpha() and vr.isupper()), little


def _native_syntax(implicit: bool, little: bool) -> str:
    if implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def _inflate(data: bytes, position: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(memoryview(data)[position:], MAX_INFLATED)
    except zlib.error as error:
        raise Refused("damaged") from error
    if inflater.unconsumed_tail:
        raise Refused("too-large", limit=MAX_INFLATED // (1024 * 1024))
    if not inflater.eof:
        raise Refused("truncated")
    return inflated
