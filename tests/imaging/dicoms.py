"""Builders of DICOM objects: the quadrant picture in every transfer syntax and colour space."""

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from tests.imaging import files

DERMOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.7"
PHOTOGRAPH = str(VLPhotographicImageStorage)
CAPTURE = str(SecondaryCaptureImageStorage)
WHOLE_SLIDE = str(VLWholeSlideMicroscopyImageStorage)
ROOT = "1.2.826.0.1.3680043.8.498."


def dataset(
    array: NDArray[Any] | None = None,
    *,
    syntax: str = str(ExplicitVRLittleEndian),
    interpretation: str = "",
    pixels: bytes | None = None,
    bits: int = 0,
    **tags: Any,
) -> Dataset:
    """A data set with ``array`` (rows, columns) or (rows, columns, 3) as native pixels.

    ``pixels`` replaces the pixel data's bytes; ``tags`` sets or, with None, removes elements.
    """
    picture = files.quadrants() if array is None else array
    is_colour = picture.ndim == 3
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = UID(str(tags.get("SOPClassUID", DERMOSCOPY)))
    made.file_meta.MediaStorageSOPInstanceUID = UID(ROOT + "3")
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = DERMOSCOPY
    made.SOPInstanceUID, made.SeriesInstanceUID, made.StudyInstanceUID = (
        ROOT + "3",
        ROOT + "2",
        ROOT + "1",
    )
    made.Modality = "XC"
    made.PatientName, made.PatientID = "Müller^Anna", "MRN-7"
    made.PatientBirthDate, made.PatientSex = "19710930", "F"
    made.Rows, made.Columns = picture.shape[:2]
    made.SamplesPerPixel = 3 if is_colour else 1
    if is_colour:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation = interpretation or ("RGB" if is_colour else "MONOCHROME2")
    made.BitsAllocated = 8 * picture.dtype.itemsize
    made.BitsStored = bits or made.BitsAllocated
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(picture.dtype.kind == "i")
    made.PixelData = picture.tobytes() if pixels is None else pixels
    made["PixelData"].VR = "OB" if made.BitsAllocated == 8 else "OW"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bad values are meant
        for keyword, value in tags.items():
            if value is None:
                del made[keyword]
            else:
                setattr(made, keyword, value)
    return made


def written(made: Dataset, *, preamble: bytes = bytes(128)) -> bytes:
    """The data set as a file, in the transfer syntax of its meta information."""
    syntax = made.file_meta.TransferSyntaxUID
    buffer = io.BytesIO()
    made.preamble = preamble
    if "PixelData" in made and syntax.is_encapsulated:
        made["PixelData"].is_undefined_length = True
        made["PixelData"].VR = "OB"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def dicom(array: NDArray[Any] | None = None, **options: Any) -> bytes:
    """A DICOM file; see ``dataset``."""
    return written(dataset(array, **options))


def encapsulated(
    stream: bytes, syntax: str, array: NDArray[Any] | None = None, **tags: Any
) -> bytes:
    """A DICOM file around one compressed frame."""
    return dicom(array, syntax=syntax, pixels=encapsulate([stream]), **tags)


def transcoded(folder: Path, made: Dataset, syntax: int) -> bytes:
    """The data set, compressed by GDCM: lossless JPEG, 12-bit JPEG, JPEG-LS."""
    source, target = folder / "native.dcm", folder / "compressed.dcm"
    source.write_bytes(written(made))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(target))
    assert writer.Write()
    return target.read_bytes()


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """One explicit little-endian element with a 32-bit length."""
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value


def nested_sequences(depth: int) -> bytes:
    """Sequences of undefined length, each in the other's only item, never closed."""
    sequence = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, 0xFFFFFFFF)
    return (sequence + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * depth


def deflated_bomb(megabytes: int) -> bytes:
    """A deflated object whose one private element inflates to zeros without end."""
    header = dicom(syntax="1.2.840.10008.1.2.1.99")
    meta_end = header.index(b"1.2.840.10008.1.2.1.99") + 22
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(struct.pack("<HH2sHI", 9, 0x1010, b"OB", 0, megabytes << 20))
    for _megabyte in range(megabytes):
        packed += packer.compress(bytes(1 << 20))
    # the meta information ends with its own last element; find where pydicom put the data set
    meta_length = struct.unpack_from("<I", header, 140)[0]
    assert meta_end <= 144 + meta_length
    return header[: 144 + meta_length] + packed + packer.flush()


def ramp(bits: int, *, signed: bool = False) -> NDArray[Any]:
    """A grey ramp from the lowest to the highest value, left to right: (64, 96)."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    line = np.linspace(low, high, files.WIDTH).round().astype(kind)
    return np.tile(line, (files.HEIGHT, 1))
