"""Bad input of every kind ends in a refusal with a stable code and a plain sentence."""

import io
import logging
import resource
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from imaging.formats import MAX_BYTES, SENTENCES, Refused, admit
from tests.imaging import dicoms, files
from tests.imaging.dicoms import dicom


def refusal(data: bytes, filename: str = "") -> Refused:
    with pytest.raises(Refused) as caught:
        admit(data, filename=filename)
    assert caught.value.message.endswith(".")
    assert "%(" not in caught.value.message
    return caught.value


def assert_admitted_or_refused(data: bytes) -> None:
    try:
        admitted = admit(data)
    except Refused as refused:
        found: Refused | None = refused
    else:
        found = None
        with Image.open(io.BytesIO(admitted.image)) as image:
            image.load()
            assert image.mode == "RGB" and image.size == (admitted.width, admitted.height)
    assert found is None or found.message


HTML = b"\n<!DOCTYPE html><html><body>Your session has expired</body></html>"


@pytest.mark.parametrize(
    ("data", "filename", "code"),
    [
        (b"", "a.jpg", "empty"),
        (b"\x00", "a.dcm", "not-an-image"),
        (b"D", "", "not-an-image"),
        (b"\xff", "a.jpg", "truncated"),
        (b"\xff\xd8\xff", "a.jpg", "truncated"),
        (files.SIGNATURE[:5], "a.png", "truncated"),
        (files.SIGNATURE, "a.png", "truncated"),
        (HTML, "a.jpg", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "not-an-image"),
        (b"%PDF-1.7 report", "a.pdf", "unsupported-format"),
        (b"PK\x03\x04" + bytes(60), "a.zip", "unsupported-format"),
        (b"plain words", "a.txt", "not-an-image"),
        (bytes(500), "a.dcm", "not-an-image"),
        (bytes(128) + b"DICM", "a.dcm", "no-pixels"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "a.heic", "unsupported-format"),
        (b"\0\0\0\x18ftypmp42" + bytes(50), "a.mp4", "unsupported-format"),
    ],
)
def test_what_is_no_image(data: bytes, filename: str, code: str) -> None:
    assert refusal(data, filename).code == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("GIF", "animated"),
        ("WEBP", "unsupported-format"),
        ("TIFF", "unsupported-format"),
        ("BMP", "unsupported-format"),
        ("JPEG2000", "unsupported-format"),
    ],
)
def test_other_image_formats(kind: str, code: str) -> None:
    assert refusal(files.saved(Image.fromarray(files.quadrants()), kind)).code == code


def test_an_animated_webp() -> None:
    frames = [Image.fromarray(files.texture(seed=seed)) for seed in (1, 2)]
    data = files.saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    assert refusal(data).code == "animated"


@pytest.mark.parametrize("make", [files.jpeg, files.png, dicom])
def test_a_name_that_contradicts_the_content(make: object) -> None:
    data = make()
    own = {files.jpeg: {"jpg", "JPEG", "jfif"}, files.png: {"png"}, dicom: {"dcm", "dicom"}}[make]
    for ending in ("jpg", "JPEG", "jfif", "png", "dcm", "dicom", "gif", "tiff", "heic"):
        if ending in own:
            admit(data, filename=f"a.b.{ending}")
        else:
            caught = refusal(data, f"lesion.{ending}")
            assert caught.code == "wrong-extension"
            assert f".{ending.lower()}" in caught.message
    for name in ("", "IM_0001", "1.2.840.10008.5", "scan.bak"):
        admit(data, filename=name)


def test_too_many_bytes() -> None:
    caught = refusal(files.jpeg() + bytes(MAX_BYTES))
    assert caught.code == "too-large" and "64 MB" in caught.message


def test_every_code_has_a_sentence() -> None:
    for code in SENTENCES:
        details = dict.fromkeys(
            ("limit", "width", "height", "format", "extension", "kind", "syntax", "what"), "7"
        )
        sentence = Refused(code, **details).message
        assert sentence[0].isupper() and sentence.endswith(".")


def _directory() -> bytes:
    made = dicoms.dataset(SOPClassUID=str(uid.MediaStorageDirectoryStorage))
    del made.PixelData
    made.DirectoryRecordSequence = Sequence([Dataset()])
    return dicoms.written(made)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_directory(), "dicomdir"),
        (dicom(SOPClassUID=dicoms.WHOLE_SLIDE), "whole-slide"),
        (dicom(SOPClassUID=str(uid.UltrasoundMultiFrameImageStorage)), "multi-frame"),
        (dicom(SOPClassUID=str(uid.VideoPhotographicImageStorage)), "multi-frame"),
        (dicom(NumberOfFrames=2, pixels=files.quadrants().tobytes() * 2), "multi-frame"),
        (dicom(NumberOfFrames=10**9), "multi-frame"),
        (dicoms.encapsulated(b"\0\0", "1.2.840.10008.1.2.4.102"), "multi-frame"),
        (dicom(SOPClassUID=str(uid.CTImageStorage)), "unsupported-sop-class"),
        (dicom(SOPClassUID="1.2.3.4"), "unsupported-sop-class"),
        (dicom().replace(b"5.1.4.1.1.77.1.7", b"5.1.4.1.1.77.1 7"), "unsupported-sop-class"),
        (dicom(PixelData=None), "no-pixels"),
        (dicom(Rows=50_000, Columns=50_000), "pixel-bomb"),
        (dicom(files.quadrants(16, 16)), "too-small"),
        (dicom(Rows=0), "too-small"),
        (dicom(Rows=65), "truncated"),
        (dicom(pixels=b""), "truncated"),
        (dicom(pixels=files.quadrants().tobytes() + b"PK\x03\x04"), "damaged"),
        (dicom(BitsAllocated=32, BitsStored=32, HighBit=31), "unsupported-pixels"),
        (dicom(PhotometricInterpretation="HSV"), "unsupported-pixels"),
        (dicom(PhotometricInterpretation="MONOCHROME2"), "damaged"),
        (dicom(BitsStored=0), "damaged"),
        (dicom(BitsStored=9), "damaged"),
        (dicom(Rows=None), "damaged"),
        (dicom().replace(b"10008.1.2.1\0", b"10009.1.2.1\0"), "unsupported-transfer-syntax"),
        (
            dicoms.encapsulated(b"\xff\xd8\xff\xd9", "1.2.840.10008.1.2.4.53"),
            "unsupported-transfer-syntax",
        ),
    ],
)
def test_dicom_objects_that_are_not_taken(data: bytes, code: str) -> None:
    assert refusal(data, "IM1.dcm").code == code


@pytest.mark.parametrize(
    "syntax",
    [
        uid.JPEGBaseline8Bit,
        uid.JPEGLosslessSV1,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
        uid.HTJ2K,
        uid.RLELossless,
    ],
)
@pytest.mark.parametrize("stream", [b"", files.png()])
def test_compressed_pixels_that_are_none(syntax: str, stream: bytes) -> None:
    assert refusal(dicoms.encapsulated(stream or b"\0\0", syntax)).code in ("damaged", "truncated")


def test_a_code_stream_that_holds_another_picture() -> None:
    other = files.jpeg(files.quadrants(64, 64))
    assert (
        refusal(dicoms.encapsulated(other, uid.JPEGBaseline8Bit, interpretation="YBR_FULL")).code
        == "damaged"
    )
    made = dicoms.dataset()
    made.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    made.Rows = 128
    assert refusal(dicoms.written(made)).code == "damaged"


def test_a_cut_jpeg_inside_dicom() -> None:
    stream = files.jpeg(files.texture())
    cut = stream[: len(stream) // 2].rstrip(b"\xff") + b"\xff\xd9"
    data = dicoms.encapsulated(
        cut, uid.JPEGBaseline8Bit, files.texture(), interpretation="YBR_FULL"
    )
    assert refusal(data).code == "truncated"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_cut_object(share: float) -> None:
    data = dicom(files.texture())
    assert refusal(data[: max(140, int(len(data) * share))]).code in ("truncated", "no-pixels")


@pytest.mark.parametrize(
    "start", [b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh", b"%PDF-1.4", b"PK\x03\x04", b"<html><script>"]
)
def test_a_program_in_the_preamble(start: bytes) -> None:
    data = dicoms.written(dicoms.dataset(), preamble=start.ljust(128, b"\0"))
    assert refusal(data).code == "polyglot"


def _with(data: bytes, extra: bytes) -> bytes:
    """Insert elements behind the meta information."""
    end = 144 + int.from_bytes(data[140:144], "little")
    return data[:end] + extra + data[end:]


def test_sequences_without_bottom() -> None:
    assert refusal(_with(dicom(), dicoms.nested_sequences(20_000))).code == "damaged"
    lut = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + struct.pack(
        "<HH2sHI", 0x28, 0x3010, b"SQ", 0, 0xFFFFFFFF
    )
    deep = dicoms.element(0x00283010, b"SQ", lut * 40_000)
    made = dicoms.dataset(dicoms.ramp(12), bits=12)
    assert refusal(_with(dicoms.written(made), deep)).code == "damaged"


def test_lengths_beyond_the_file_and_numberless_elements() -> None:
    huge = struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 0xFFFFFFF0)
    assert refusal(_with(dicom(), huge)).code == "truncated"
    many = b"".join(struct.pack("<HH2sH", 9, n, b"LO", 0) for n in range(0x10, 0xFFF0))
    assert refusal(_with(dicom(), many)).code == "damaged"
    assert admit(_with(dicom(), many[:8000])).format == "dicom"


@pytest.mark.parametrize("vr", [b"PN", b"DS", b"SQ", b"UN", b"AT", b"FD", b"ZZ", b"\0\1"])
def test_hostile_value_representations(vr: bytes) -> None:
    data = dicom(AcquisitionDateTime="20240131", ICCProfile=b"profile!")
    for tag in (
        b"\x28\0\x10\0US",
        b"\x10\0\x10\0PN",
        b"\x28\0\x04\0CS",
        b"\x10\0\x30\0DA",
        b"\x08\0\x2a\0DT",
    ):
        assert data.count(tag) == 1
        assert_admitted_or_refused(data.replace(tag, tag[:4] + vr))


def test_a_deflated_bomb_is_not_inflated() -> None:
    data = dicoms.deflated_bomb(300)
    assert len(data) < 2_000_000
    tracemalloc.start()
    try:
        assert refusal(data).code == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 600 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["jpeg", "png", "dicom"])
def test_a_pixel_bomb_costs_no_memory(kind: str) -> None:
    frame = files.jpeg()
    position = frame.index(b"\xff\xc0") + 5
    bombs = {
        "jpeg": frame[:position] + struct.pack(">HH", 50_000, 50_000) + frame[position + 4 :],
        "png": files.raw_png(files.quadrants(), depth=8, colour=2, size=(50_000, 50_000)),
        "dicom": dicoms.encapsulated(
            files.jpeg(), uid.JPEGBaseline8Bit, Rows=50_000, Columns=50_000
        ),
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(bombs[kind]).code == "pixel-bomb"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_refusals_write_no_identifiers_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    data = dicom(PatientBirthDate="Secret99", PatientName="Secret^Secret", Rows=60_000)
    refusal(data)
    refusal(data.replace(b"\x28\0\x10\0US", b"\x28\0\x10\0PN"))
    assert "Secret" not in caplog.text


def _seeds() -> list[bytes]:
    palette = dicoms.dataset(dicoms.ramp(8), interpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(palette, f"{colour}PaletteColorLookupTableData", bytes(range(256)))
        palette[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
    rle = dicoms.dataset()
    rle.compress(uid.RLELossless, generate_instance_uid=False)
    return [
        files.mpf(
            files.jpeg(exif=files.exif(6), icc_profile=files.swapped_profile()), files.jpeg()
        ),
        files.jpeg(progressive=True),
        files.png(icc_profile=files.swapped_profile(), exif=files.exif(3)),
        files.raw_png(np.full((40, 40, 2), 9000), depth=16, colour=4),
        dicom(
            dicoms.ramp(12),
            bits=12,
            WindowCenter=9,
            WindowWidth=99,
            ICCProfile=files.swapped_profile(),
        ),
        dicom(syntax=uid.ImplicitVRLittleEndian),
        dicom(syntax=uid.DeflatedExplicitVRLittleEndian),
        dicoms.encapsulated(files.jpeg(), uid.JPEGBaseline8Bit, interpretation="YBR_FULL"),
        dicoms.written(palette),
        dicoms.written(rle),
    ]


SEEDS = _seeds()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutations_are_admitted_or_refused(data: st.DataObject) -> None:
    _mutate(data)


def _mutate(data: st.DataObject) -> None:
    mutant = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _change in range(data.draw(st.integers(1, 6))):
        # headers stand at the front; most of the changes should meet them
        reach = data.draw(st.sampled_from([200, 900, len(mutant)]))
        position = data.draw(st.integers(0, min(reach, len(mutant)) - 1))
        mutant[position] = data.draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
        )
    if data.draw(st.integers(0, 4)) == 0:
        del mutant[data.draw(st.integers(1, len(mutant))) :]
    assert_admitted_or_refused(bytes(mutant))


def test_a_truncated_deflated_object() -> None:
    data = dicom(files.texture(), syntax=uid.DeflatedExplicitVRLittleEndian)
    assert refusal(data[:-200]).code == "truncated"
    assert admit(data).format == "dicom"
