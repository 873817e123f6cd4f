"""Drawings as DICOM objects: they parse, keep their colours and say that they are synthetic."""

import io
from datetime import UTC, date, datetime

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    CTImageStorage,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
)

from demo.dermoscopy import Drawing, Kind, Lesion, SkinTone, Spec, draw
from demo.dicom import PatientTags, StudyTags, as_dicom

PATIENT = PatientTags("Példa", "Ágnes", "DEMO-100031", date(1976, 3, 5), "female")
STUDY = StudyTags("visit-1", datetime(2026, 4, 3, 9, 30, tzinfo=UTC), "hand", "left", "A-1")


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    # An odd width: the DICOM value must be padded to an even length.
    return draw(Spec(SkinTone.TYPE_II, Lesion(Kind.NEVUS_GLOBULAR, 3), size=(301, 225)), 1)


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [(DermoscopicPhotographyImageStorage, "DMS"), (VLPhotographicImageStorage, "XC")],
)
@pytest.mark.parametrize(
    ("transfer_syntax", "tolerance"), [(ExplicitVRLittleEndian, 0.0), (JPEGBaseline8Bit, 3.0)]
)
def test_object_parses_and_keeps_its_colours(
    drawing: Drawing, sop_class: UID, modality: str, transfer_syntax: UID, tolerance: float
) -> None:
    data = as_dicom(
        drawing,
        patient=PATIENT,
        study=STUDY,
        sop_class=sop_class,
        transfer_syntax=transfer_syntax,
    )
    dataset = pydicom.dcmread(io.BytesIO(data))
    assert data[128:132] == b"DICM"
    assert dataset.SOPClassUID == sop_class
    assert dataset.Modality == modality
    assert dataset.file_meta.TransferSyntaxUID == transfer_syntax
    assert str(dataset.PatientName) == "Példa^Ágnes"
    assert dataset.PatientID == "DEMO-100031"
    assert dataset.PatientBirthDate == "19760305"
    assert dataset.PatientSex == "F"
    assert dataset.StudyDate == "20260403"
    assert dataset.ImageLaterality == "L"
    assert dataset.AnatomicRegionSequence[0].CodeValue == "33712006"
    assert float(dataset.PixelSpacing[0]) == pytest.approx(drawing.mm_per_pixel, rel=1e-5)
    rgb = pixel_array(dataset).astype(float)
    assert rgb.shape == drawing.image.shape
    assert np.abs(rgb - drawing.image).mean() <= tolerance
    shift = rgb.mean(axis=(0, 1)) - drawing.image.mean(axis=(0, 1))
    assert np.abs(shift).max() < 1.0


def test_object_says_that_it_is_synthetic(drawing: Drawing) -> None:
    data = as_dicom(drawing, patient=PATIENT, study=STUDY)
    dataset = pydicom.dcmread(io.BytesIO(data))
    assert dataset.SyntheticData == "YES"
    assert dataset.BurnedInAnnotation == "NO"
    assert "Synthetic" in dataset.ImageComments
    assert "Synthetic" in dataset.SeriesDescription


def test_identifiers_follow_from_the_visit(drawing: Drawing) -> None:
    def read(study: StudyTags, number: int) -> pydicom.Dataset:
        data = as_dicom(drawing, patient=PATIENT, study=study, instance_number=number)
        assert data == as_dicom(drawing, patient=PATIENT, study=study, instance_number=number)
        return pydicom.dcmread(io.BytesIO(data))

    one, two = read(STUDY, 1), read(STUDY, 2)
    other = read(StudyTags("visit-2", STUDY.acquired_at), 1)
    assert one.StudyInstanceUID == two.StudyInstanceUID != other.StudyInstanceUID
    assert one.SeriesInstanceUID == two.SeriesInstanceUID
    assert len({one.SOPInstanceUID, two.SOPInstanceUID, other.SOPInstanceUID}) == 3


def test_what_the_writer_does_not_know_is_refused(drawing: Drawing) -> None:
    with pytest.raises(ValueError, match="not a photograph"):
        as_dicom(drawing, patient=PATIENT, study=STUDY, sop_class=CTImageStorage)
    with pytest.raises(ValueError, match="transfer syntax"):
        as_dicom(drawing, patient=PATIENT, study=STUDY, transfer_syntax=JPEG2000)
    with pytest.raises(ValueError, match="body site"):
        as_dicom(
            drawing, patient=PATIENT, study=StudyTags("v", STUDY.acquired_at, body_site="wing")
        )
    with pytest.raises(ValueError, match="uint8"):
        as_dicom(drawing.image[..., 0], patient=PATIENT, study=STUDY)
