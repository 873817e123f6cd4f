"""DICOM objects: every transfer syntax and colour space in its right colours, and the tags."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.filereader import dcmread

from imaging.formats import admit
from tests.imaging import dicoms, files
from tests.imaging.dicoms import dicom, encapsulated
from tests.imaging.files import BLUE, GREEN, GREY, RED, assert_corners

T = gdcm.TransferSyntax
NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
]


def ycc(picture: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    array = files.quadrants() if picture is None else picture
    return np.asarray(Image.fromarray(array).convert("YCbCr"))


def swapped(array: NDArray[np.generic]) -> bytes:
    return array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    "kind", [dicoms.PHOTOGRAPH, dicoms.DERMOSCOPY, dicoms.CAPTURE, str(uid.UltrasoundImageStorage)]
)
def test_the_four_kinds_are_taken(kind: str) -> None:
    admitted = admit(dicom(SOPClassUID=kind), filename="IM0001")
    assert admitted.format == "dicom" and admitted.image_media_type == "image/jpeg"
    assert (admitted.width, admitted.height) == (96, 64)
    assert admitted.dicom is not None and admitted.dicom.sop_class_uid == kind
    assert_corners(admitted.image)
    assert_corners(admitted.thumbnail)


@pytest.mark.parametrize("syntax", NATIVE)
def test_native_syntaxes(syntax: str) -> None:
    assert_corners(admit(dicom(syntax=syntax)).image)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_big_endian_8_bit(vr: str) -> None:
    made = dicoms.dataset(syntax=uid.ExplicitVRBigEndian)
    made["PixelData"].VR = vr
    if vr == "OW":  # 8-bit samples in 16-bit words are swapped in pairs
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
    assert_corners(admit(dicoms.written(made)).image)


def test_big_endian_16_bit() -> None:
    wide = files.quadrants().astype(np.uint16) * 257
    data = dicom(wide, syntax=uid.ExplicitVRBigEndian, pixels=swapped(wide))
    assert_corners(admit(data).image)


def test_planar_configuration() -> None:
    planes = files.quadrants().transpose(2, 0, 1).tobytes()
    assert_corners(admit(dicom(pixels=planes, PlanarConfiguration=1)).image)


def test_an_odd_number_of_bytes_may_be_padded() -> None:
    picture = files.quadrants(33, 33)
    data = dicom(picture, pixels=picture.tobytes() + b"\0")
    assert admit(data).width == 33


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_rgb_of_more_than_8_bits_is_scaled(bits: int) -> None:
    top = (1 << bits) - 1
    wide = (files.quadrants().astype(np.uint32) * top // 255).astype(np.uint16)
    assert_corners(admit(dicom(wide, bits=bits)).image)


def test_ybr_full() -> None:
    assert_corners(admit(dicom(ycc(), interpretation="YBR_FULL")).image)
    planes = ycc().transpose(2, 0, 1).tobytes()
    data = dicom(pixels=planes, interpretation="YBR_FULL", PlanarConfiguration=1)
    assert_corners(admit(data).image)


def _in_pairs(array: NDArray[np.uint8]) -> bytes:
    """Y1 Y2 Cb Cr for each two pixels."""
    return np.stack(
        [array[:, 0::2, 0], array[:, 1::2, 0], array[:, 0::2, 1], array[:, 0::2, 2]], axis=-1
    ).tobytes()


def test_ybr_full_422() -> None:
    assert_corners(admit(dicom(pixels=_in_pairs(ycc()), interpretation="YBR_FULL_422")).image)


def test_ybr_partial_422() -> None:
    full = ycc().astype(float)
    partial = np.dstack([16 + full[..., 0] * 219 / 255, 128 + (full[..., 1:] - 128) * 224 / 255])
    data = dicom(
        pixels=_in_pairs(partial.round().astype(np.uint8)), interpretation="YBR_PARTIAL_422"
    )
    assert_corners(admit(data).image, within=6)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_jpeg_in_ycbcr(syntax: str, subsampling: str) -> None:
    stream = files.jpeg(subsampling=subsampling)
    for interpretation in ("YBR_FULL_422", "YBR_FULL", "RGB"):  # JFIF says YCbCr, RGB is a slip
        admitted = admit(encapsulated(stream, syntax, interpretation=interpretation))
        assert_corners(admitted.image)
        np.testing.assert_array_equal(files.pixels(admitted.image), files.pixels(stream))


def _without_marks(stream: bytes) -> bytes:
    """Drop JFIF and Adobe and name the components 0, 1, 2: only the data set tells the colours."""
    start = stream.index(b"\xff\xdb")
    bare = bytearray(stream[:2] + stream[start:])
    for marker, first, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):
        position = bare.index(marker) + first
        for component in range(3):
            bare[position + step * component] = component
    return bytes(bare)


def test_jpeg_in_rgb() -> None:
    stream = files.jpeg(keep_rgb=True)
    assert_corners(admit(encapsulated(stream, uid.JPEGBaseline8Bit)).image)
    bare = encapsulated(_without_marks(stream), uid.JPEGBaseline8Bit)
    assert_corners(admit(bare).image)


def test_jpeg_without_marks_in_ycbcr() -> None:
    bare = _without_marks(files.jpeg(subsampling="4:4:4"))
    data = encapsulated(bare, uid.JPEGBaseline8Bit, interpretation="YBR_FULL")
    assert_corners(admit(data).image)


def test_jpeg_in_grey() -> None:
    stream = files.jpeg(mode="L")
    grey = np.asarray(Image.fromarray(files.quadrants()).convert("L"))
    admitted = admit(encapsulated(stream, uid.JPEGBaseline8Bit, grey))
    assert_corners(admitted.image, [(76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3])


def test_a_jpeg_in_several_fragments_with_an_offset_table() -> None:
    from pydicom.encaps import encapsulate

    stream = files.jpeg(files.texture())
    pixels = encapsulate([stream], fragments_per_frame=4, has_bot=True)
    data = dicom(
        files.texture(), syntax=uid.JPEGBaseline8Bit, pixels=pixels, interpretation="YBR_FULL_422"
    )
    np.testing.assert_array_equal(files.pixels(admit(data).image), files.pixels(stream))


@pytest.mark.parametrize(
    "syntax",
    [T.JPEGLosslessProcess14, T.JPEGLosslessProcess14_1, T.JPEGLSLossless, T.JPEGLSNearLossless],
)
@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
def test_lossless_jpeg_and_jpeg_ls(tmp_path: Path, syntax: int, interpretation: str) -> None:
    array = ycc() if interpretation == "YBR_FULL" else files.quadrants()
    made = dicoms.dataset(array, SOPClassUID=dicoms.CAPTURE, interpretation=interpretation)
    data = dicoms.transcoded(tmp_path, made, syntax)
    assert_corners(admit(data).image)


@pytest.mark.parametrize("syntax", [T.JPEGLosslessProcess14_1, T.JPEGLSLossless])
def test_compressed_12_bit_grey(tmp_path: Path, syntax: int) -> None:
    made = dicoms.dataset(dicoms.ramp(12), bits=12, SOPClassUID=dicoms.CAPTURE)
    line = files.pixels(admit(dicoms.transcoded(tmp_path, made, syntax)).image)[32, :, 0].astype(
        int
    )
    assert np.abs(line - np.linspace(0, 255, 96)).max() <= 4


def _stored(name: str, **tags: Any) -> bytes:
    """One of pydicom's own test files, as a secondary capture."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    made = dcmread(path)
    made.SOPClassUID = dicoms.CAPTURE
    made.file_meta.MediaStorageSOPClassUID = uid.UID(dicoms.CAPTURE)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return dicoms.written(made)


def test_12_bit_extended_jpeg() -> None:
    tags = {"WindowCenter": 128, "WindowWidth": 257}
    right = files.pixels(admit(_stored("JPGExtended.dcm", **tags)).image)
    assert right.shape == (1024, 256, 3)
    assert right.min() == 0 and right.max() == 255 and 5 < right.mean() < 60
    # the same picture from a device that writes a wrong spectral selection
    np.testing.assert_array_equal(
        files.pixels(admit(_stored("JPEG-lossy.dcm", **tags)).image), right
    )


@pytest.mark.parametrize("syntax", [str(uid.RLELossless), str(uid.JPEG2000Lossless)])
@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
def test_rle_and_jpeg_2000(syntax: str, interpretation: str) -> None:
    made = dicoms.dataset(
        ycc() if interpretation == "YBR_FULL" else files.quadrants(), interpretation=interpretation
    )
    made.compress(syntax, generate_instance_uid=False)
    assert_corners(admit(dicoms.written(made)).image)


def test_jpeg_2000_with_its_own_colour_transform() -> None:
    made = dicoms.dataset(interpretation="YBR_RCT")
    made.PhotometricInterpretation = "RGB"
    made.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    made.PhotometricInterpretation = "YBR_RCT"
    assert_corners(admit(dicoms.written(made)).image)
    made = dicoms.dataset()
    made.compress(uid.JPEG2000, j2k_cr=[4], generate_instance_uid=False)
    made.PhotometricInterpretation = "YBR_ICT"
    assert_corners(admit(dicoms.written(made)).image, within=12)


@pytest.mark.parametrize("syntax", [uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL])
def test_high_throughput_jpeg_2000(syntax: str) -> None:
    stream = Path(__file__).with_name("quadrants_htj2k.j2c").read_bytes()
    assert_corners(admit(encapsulated(stream, syntax, interpretation="YBR_RCT")).image)


def test_16_bit_rle_and_jpeg_2000_grey() -> None:
    for syntax in (uid.RLELossless, uid.JPEG2000Lossless):
        made = dicoms.dataset(dicoms.ramp(16, signed=syntax == uid.JPEG2000Lossless))
        made.compress(syntax, generate_instance_uid=False)
        line = files.pixels(admit(dicoms.written(made)).image)[32, :, 0].astype(int)
        assert np.abs(line - np.linspace(0, 255, 96)).max() <= 3


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_objects_written_by_other_toolkits(name: str) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    found = files.pixels(admit(Path(path).read_bytes()).image).astype(int)
    stripes = [RED, (255, 128, 128), GREEN, (128, 255, 128), BLUE, (128, 128, 255)]
    for index, colour in enumerate(stripes):
        assert np.abs(found[5 + 10 * index, 50] - colour).max() <= 6


def test_the_original_is_kept_with_its_preamble_zeroed() -> None:
    preamble = b"II*\0" + b"secret" * 20
    data = dicoms.written(dicoms.dataset(), preamble=preamble.ljust(128, b"\0"))
    admitted = admit(data)
    assert admitted.original == bytes(128) + data[128:]


def test_an_object_without_preamble_or_meta_information_is_read() -> None:
    data = dicom()
    admitted = admit(data[132:])
    assert_corners(admitted.image)
    assert admitted.original == data[132:]
    meta_length = int.from_bytes(data[140:144], "little")
    for syntax in (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian):
        data = dicom(syntax=syntax)
        meta_length = int.from_bytes(data[140:144], "little")
        admitted = admit(data[144 + meta_length :])
        assert_corners(admitted.image)
        assert admitted.dicom is not None and admitted.dicom.transfer_syntax_uid == syntax


def test_an_icc_profile_is_converted() -> None:
    data = dicom(ICCProfile=files.swapped_profile())
    assert_corners(admit(data).image, (GREEN, RED, BLUE, GREY), within=12)


def test_tags() -> None:
    data = dicom(
        AcquisitionDateTime="20240131143005.250000",
        TimezoneOffsetFromUTC="+0100",
        ImageLaterality="L",
        BodyPartExamined="TRUNK",
        Manufacturer="FotoFinder",
        ManufacturerModelName="medicam",
        PixelSpacing=["0.02", "0.03"],
        BurnedInAnnotation="NO",
        AccessionNumber="A1",
    )
    tags = admit(data).dicom
    assert tags is not None
    assert (tags.family_name, tags.given_name, tags.patient_id) == ("Müller", "Anna", "MRN-7")
    assert (tags.birth_date, tags.sex) == (date(1971, 9, 30), "F")
    zone = timezone(timedelta(hours=1))
    assert tags.acquired_at == datetime(2024, 1, 31, 14, 30, 5, 250000, zone)
    assert (tags.laterality, tags.body_part, tags.burned_in_annotation) == ("L", "TRUNK", "NO")
    assert (tags.manufacturer, tags.model_name) == ("FotoFinder", "medicam")
    assert tags.pixel_spacing_mm == (0.02, 0.03)
    assert tags.study_instance_uid == dicoms.ROOT + "1"
    assert tags.series_instance_uid == dicoms.ROOT + "2"
    assert tags.sop_instance_uid == dicoms.ROOT + "3"
    assert (tags.modality, tags.transfer_syntax_uid) == ("XC", uid.ExplicitVRLittleEndian)


def test_missing_and_senseless_tags_are_left_empty() -> None:
    data = dicom(
        PatientName=None,
        PatientSex="X",
        PatientBirthDate="19991399",
        StudyInstanceUID="not a uid",
        PixelSpacing=["0", "-1"],
        StudyDate="20240131",
        PatientID="id\x1b\x00" + "x" * 300,
    )
    tags = admit(data).dicom
    assert tags is not None
    assert (tags.family_name, tags.given_name, tags.sex) == ("", "", "")
    assert tags.birth_date is None and tags.pixel_spacing_mm is None
    assert tags.study_instance_uid == ""
    assert tags.acquired_at is not None and tags.acquired_at.isoformat() == "2024-01-31T00:00:00"
    assert len(tags.patient_id) == 128 and tags.patient_id.isprintable()


def test_a_name_in_another_script() -> None:
    data = dicom(SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎")
    tags = admit(data).dicom
    assert tags is not None and (tags.family_name, tags.given_name) == ("Yamada", "Tarou")
    data = dicom(PatientName="=山田^太郎")
    tags = admit(data).dicom
    assert tags is not None and (tags.family_name, tags.given_name) == ("山田", "太郎")


def test_what_is_kept_can_be_read_again() -> None:
    import io

    admitted = admit(dicom())
    assert admitted.original is not None
    again = dcmread(io.BytesIO(admitted.original))
    assert again.PatientID == "MRN-7" and again.preamble == bytes(128)
