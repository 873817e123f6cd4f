"""Wraps a drawing as the DICOM object that a dermatoscope would send (PS3.3, A.32.11).

Every object says that it is synthetic in the standard's own words: Synthetic Data (0008,001C) is
YES, and the series, the device and the image comments repeat it for a human reader.
"""

import io
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
    generate_uid,
)

from demo.dermoscopy import SYNTHETIC, Drawing

_MODALITY = {DermoscopicPhotographyImageStorage: "DMS", VLPhotographicImageStorage: "XC"}

# SNOMED CT, from CID 4029 Dermatology Anatomic Site, which "Skin of trunk" extends.
ANATOMIC_REGIONS = {
    "face": ("73897004", "Skin of face"),
    "scalp": ("43067004", "Skin of scalp"),
    "ear": ("1902009", "Skin of ear"),
    "neck": ("43081002", "Skin of neck"),
    "chest": ("244106003", "Skin of anterior surface of thorax"),
    "back": ("66643007", "Skin of back"),
    "abdomen": ("75093004", "Skin of abdomen"),
    "upper_extremity": ("371311000", "Skin of upper extremity"),
    "lower_extremity": ("371304004", "Skin of lower extremity"),
    "hand": ("33712006", "Skin of hand"),
    "foot": ("60496002", "Skin of foot"),
    "genital": ("60944009", "Skin of external genitalia"),
    "trunk": ("86381001", "Skin of trunk"),
}
_SEX = {"female": "F", "male": "M", "other": "O"}
_LATERALITY = {"left": "L", "right": "R"}


@dataclass(frozen=True)
class PatientTags:
    """Who the object says it shows; `sex` is female, male, other or empty."""

    family_name: str
    given_name: str
    mrn: str
    birth_date: date | None = None
    sex: str = ""


@dataclass(frozen=True)
class StudyTags:
    """The visit. Its `key`, unique in the world, and the instance number give the UIDs."""

    key: str
    acquired_at: datetime
    body_site: str = ""
    laterality: str = ""
    accession_number: str = ""
    institution: str = ""


def as_dicom(
    picture: Drawing | npt.NDArray[np.uint8],
    *,
    patient: PatientTags,
    study: StudyTags,
    instance_number: int = 1,
    sop_class: UID = DermoscopicPhotographyImageStorage,
    transfer_syntax: UID = JPEGBaseline8Bit,
    quality: int = 92,
) -> bytes:
    """A DICOM file (preamble included) of `picture`, a Drawing or uint8 (h, w, 3) RGB.

    `sop_class` is Dermoscopic Photography or VL Photographic Image Storage; `transfer_syntax` is
    JPEG Baseline or Explicit VR Little Endian. The same arguments give the same bytes. Raises
    ValueError for any other SOP class, transfer syntax, body site or array.
    """
    rgb = picture.image if isinstance(picture, Drawing) else picture
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError("The picture must be uint8 with the shape (height, width, 3).")
    if sop_class not in _MODALITY:
        raise ValueError(f"{sop_class} is not a photograph that this writer knows.")
    if study.body_site and study.body_site not in ANATOMIC_REGIONS:
        raise ValueError(f"{study.body_site!r} is not a known body site.")
    dataset = Dataset()
    _describe_patient(dataset, patient)
    _describe_study(dataset, study, instance_number, sop_class)
    _describe_image(dataset, study, instance_number)
    if sop_class == DermoscopicPhotographyImageStorage:
        _describe_dermoscopy(dataset)
    if isinstance(picture, Drawing):
        spacing = f"{picture.mm_per_pixel:.8f}"
        dataset.PixelSpacing = [spacing, spacing]
    _set_pixels(dataset, rgb, transfer_syntax, quality)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    dataset.file_meta = meta
    buffer = DicomBytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return bytes(buffer.getvalue())


def _describe_patient(dataset: Dataset, patient: PatientTags) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"{patient.family_name}^{patient.given_name}"
    dataset.PatientID = patient.mrn
    dataset.PatientBirthDate = f"{patient.birth_date:%Y%m%d}" if patient.birth_date else ""
    dataset.PatientSex = _SEX.get(patient.sex, "")


def _describe_study(dataset: Dataset, study: StudyTags, number: int, sop_class: UID) -> None:
    when = study.acquired_at
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", study.key])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", study.key, sop_class])
    dataset.SOPInstanceUID = generate_uid(
        entropy_srcs=["instance", study.key, sop_class, str(number)]
    )
    dataset.SOPClassUID = sop_class
    dataset.StudyDate, dataset.StudyTime = f"{when:%Y%m%d}", f"{when:%H%M%S}"
    dataset.AccessionNumber = study.accession_number
    dataset.StudyID = study.accession_number[:16] or "1"
    dataset.ReferringPhysicianName = ""
    dataset.Modality = _MODALITY[sop_class]
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = "Synthetic dermoscopy"
    dataset.Manufacturer = "dermaclinic"
    dataset.ManufacturerModelName = "Procedural dermatoscope"
    dataset.DeviceSerialNumber = "SYNTHETIC"
    dataset.SoftwareVersions = "1"
    if study.institution:
        dataset.InstitutionName = study.institution


def _describe_image(dataset: Dataset, study: StudyTags, number: int) -> None:
    when = study.acquired_at
    dataset.InstanceNumber = number
    # Not DERIVED: no other image's pixels went in. That nobody was photographed is what
    # Synthetic Data says.
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SyntheticData = "YES"
    dataset.BurnedInAnnotation = "NO"
    dataset.ImageComments = SYNTHETIC
    dataset.ContentDate, dataset.ContentTime = f"{when:%Y%m%d}", f"{when:%H%M%S}"
    dataset.AcquisitionDateTime = f"{when:%Y%m%d%H%M%S}"
    dataset.PatientOrientation = ""
    dataset.AcquisitionContextSequence = []
    if study.laterality:
        dataset.ImageLaterality = _LATERALITY[study.laterality]
    if study.body_site:
        code, meaning = ANATOMIC_REGIONS[study.body_site]
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", meaning
        dataset.AnatomicRegionSequence = [item]


def _describe_dermoscopy(dataset: Dataset) -> None:
    """The Dermoscopic Image module; what no real instrument can say of itself stays empty."""
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", dataset.SOPInstanceUID])
    dataset.PositionReferenceIndicator = ""
    dataset.RecognizableVisualFeatures = "NO"
    dataset.LightSourcePolarization = ""
    dataset.EmitterColorTemperature = None
    dataset.ContactMethod = ""
    dataset.OpticalMagnificationFactor = None


def _set_pixels(
    dataset: Dataset, rgb: npt.NDArray[np.uint8], transfer_syntax: UID, quality: int
) -> None:
    dataset.Rows, dataset.Columns = rgb.shape[:2]
    dataset.SamplesPerPixel = 3
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.ICCProfile = _srgb_profile()
    dataset.ColorSpace = "SRGB"
    if transfer_syntax == JPEGBaseline8Bit:
        buffer = io.BytesIO()
        Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling="4:2:2")
        data = buffer.getvalue()
        dataset.PhotometricInterpretation = "YBR_FULL_422"
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
        dataset.LossyImageCompressionRatio = f"{rgb.nbytes / len(data):.2f}"
        dataset.PixelData = encapsulate([data])
        dataset["PixelData"].VR = "OB"
    elif transfer_syntax == ExplicitVRLittleEndian:
        data = rgb.tobytes()
        dataset.PhotometricInterpretation = "RGB"
        dataset.LossyImageCompression = "00"
        dataset.PixelData = data + b"\0" * (len(data) % 2)
        dataset["PixelData"].VR = "OB"
    else:
        raise ValueError(f"{transfer_syntax} is not a transfer syntax that this writer knows.")


def _srgb_profile() -> bytes:
    """An sRGB profile whose creation date is fixed, so that equal objects have equal bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes([0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    # ISO 15076-1: the profile's class in an object that is displayed must be an input device.
    profile[12:16] = b"scnr"
    return bytes(profile)
