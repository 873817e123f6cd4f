"""JPEG: what is admitted looks right and carries nothing; what is broken is told apart."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from imaging.formats import Refused, admit
from tests.imaging import files
from tests.imaging.files import BLUE, GREEN, GREY, RED


def refusal(data: bytes, filename: str = "") -> Refused:
    with pytest.raises(Refused) as caught:
        admit(data, filename=filename)
    return caught.value


def test_a_plain_jpeg_keeps_its_pixels_to_the_bit() -> None:
    data = files.jpeg(files.texture())
    admitted = admit(data, filename="lesion.jpg")
    assert (admitted.format, admitted.image_media_type) == ("jpeg", "image/jpeg")
    assert (admitted.width, admitted.height) == (300, 200)
    assert admitted.original is None and admitted.dicom is None
    np.testing.assert_array_equal(files.pixels(admitted.image), files.pixels(data))


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"subsampling": "4:4:4"}, {"restart_marker_rows": 1}]
)
def test_every_ordinary_coding_is_copied(options: dict[str, object]) -> None:
    data = files.jpeg(files.texture(), **options)
    np.testing.assert_array_equal(files.pixels(admit(data).image), files.pixels(data))


def test_metadata_is_dropped() -> None:
    data = files.with_segment(files.jpeg(exif=files.exif(1)), 0xFE, b"taken by Doctor Secret")
    data = files.with_segment(
        data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>Secret</x:xmpmeta>"
    )
    admitted = admit(data)
    for block in (admitted.image, admitted.thumbnail):
        assert b"Secret" not in block and b"Exif" not in block and b"xmp" not in block
    assert b"Secret" in data


def test_the_digest_is_that_of_the_received_bytes() -> None:
    import hashlib

    data = files.jpeg(exif=files.exif(6))
    assert admit(data).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, (RED, GREEN, BLUE, GREY)),
        (2, (GREEN, RED, GREY, BLUE)),
        (3, (GREY, BLUE, GREEN, RED)),
        (4, (BLUE, GREY, RED, GREEN)),
        (5, (RED, BLUE, GREEN, GREY)),
        (6, (BLUE, RED, GREY, GREEN)),
        (7, (GREY, GREEN, BLUE, RED)),
        (8, (GREEN, GREY, RED, BLUE)),
    ],
)
def test_exif_orientation_is_applied_then_dropped(
    orientation: int, expected: tuple[files.Colour, ...]
) -> None:
    admitted = admit(files.jpeg(exif=files.exif(orientation)))
    files.assert_corners(admitted.image, expected)
    turned = orientation >= 5
    assert (admitted.width, admitted.height) == ((64, 96) if turned else (96, 64))
    with Image.open(io.BytesIO(admitted.image)) as opened:
        assert not opened.getexif()


@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 60]
)
def test_broken_exif_turns_nothing(block: bytes) -> None:
    files.assert_corners(admit(files.with_segment(files.jpeg(), 0xE1, block)).image)


def test_an_icc_profile_is_converted_whatever_its_name_says() -> None:
    admitted = admit(files.jpeg(icc_profile=files.swapped_profile()))
    files.assert_corners(admitted.image, (GREEN, RED, BLUE, GREY), within=12)
    assert b"ICC_PROFILE" not in admitted.image


def test_an_srgb_profile_is_dropped_without_a_new_encoding() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = files.jpeg(files.texture(), icc_profile=profile)
    admitted = admit(data)
    assert b"ICC_PROFILE" in data and b"ICC_PROFILE" not in admitted.image
    np.testing.assert_array_equal(files.pixels(admitted.image), files.pixels(data))


@pytest.mark.parametrize("profile", [b"not a profile at all", bytes(200)])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    files.assert_corners(admit(files.jpeg(icc_profile=profile)).image)


def test_grey_becomes_rgb() -> None:
    admitted = admit(files.jpeg(mode="L"))
    expected = [(76,) * 3, (150,) * 3, (29,) * 3, (128,) * 3]
    files.assert_corners(admitted.image, expected)


def test_rgb_stored_without_transform_keeps_its_colours() -> None:
    data = files.jpeg(keep_rgb=True)
    admitted = admit(data)
    files.assert_corners(admitted.image)


def _inks() -> np.ndarray:
    """The quadrants as CMYK inks: 0 is none, 255 full."""
    rgb = files.quadrants().astype(int)
    return np.dstack([255 - rgb, np.zeros(rgb.shape[:2], int)]).astype(np.uint8)


def test_adobes_inverted_cmyk_is_converted() -> None:
    data = files.saved(Image.fromarray(_inks(), "CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    files.assert_corners(admit(data).image)


def test_cmyk_without_adobes_mark_is_not_inverted() -> None:
    data = files.saved(Image.fromarray(255 - _inks(), "CMYK"), "JPEG", quality=95)
    start = data.index(b"\xff\xee")
    files.assert_corners(admit(data[:start] + data[start + 16 :]).image)


def test_ycck_is_converted() -> None:
    rgb = Image.fromarray(255 - files.quadrants())  # YCCK transforms the complement of the inks
    ycc = np.asarray(Image.fromarray(255 - np.asarray(rgb)).convert("YCbCr"))
    stored = np.dstack(
        [
            np.asarray(Image.fromarray(255 - files.quadrants()).convert("YCbCr")),
            np.full(ycc.shape[:2], 255, np.uint8),
        ]
    )
    data = bytearray(files.saved(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    files.assert_corners(admit(bytes(data)).image, within=6)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:4:4"}])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_cut_jpeg_is_refused_even_with_its_end_glued_on(
    share: float, options: dict[str, object]
) -> None:
    data = files.jpeg(files.texture(), **options)
    cut = data[: int(len(data) * share)]
    assert refusal(cut).code == "truncated"
    assert refusal(cut.rstrip(b"\xff") + b"\xff\xd9").code == "truncated"


def test_grey_at_the_end_is_not_taken_for_a_cut() -> None:
    files.assert_corners(admit(files.jpeg()).image)
    admit(files.jpeg(np.full((64, 96, 3), 128, np.uint8)))


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\0", b"\r\n"])
def test_padding_behind_the_end_is_tolerated_and_dropped(tail: bytes) -> None:
    data = files.jpeg()
    admitted = admit(data + tail)
    assert admitted.image.endswith(b"\xff\xd9")
    assert admitted.image == admit(data).image


@pytest.mark.parametrize(
    "tail",
    [
        b"%PDF-1.7\n%%EOF",
        b"PK\x03\x04\x14\x00\x00\x00archive",
        b"<html><script>alert(1)</script></html>",
        b"\0\0\0\x18ftypmp42" + bytes(500),
        b"x",
    ],
)
def test_a_second_file_behind_the_picture_is_refused(tail: bytes) -> None:
    assert refusal(files.jpeg() + tail).code == "polyglot"
    assert refusal(files.jpeg() + files.sef(tail[:2])[:-4]).code == "polyglot"


@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xED])
@pytest.mark.parametrize(
    "block", [b"%PDF-1.4", b"<SCRIPT>", b"<!DOCTYPE html>", b"<?php", b"PK\x05\x06"]
)
def test_a_document_hidden_in_the_metadata_is_refused(marker: int, block: bytes) -> None:
    assert refusal(files.with_segment(files.jpeg(), marker, b"...." + block)).code == "polyglot"


def test_a_phones_declared_second_picture_is_dropped() -> None:
    plain = files.jpeg(files.texture())
    data = files.mpf(plain, files.jpeg(files.quadrants()))
    admitted = admit(data)
    np.testing.assert_array_equal(files.pixels(admitted.image), files.pixels(plain))
    assert len(admitted.image) <= len(plain) and b"MPF" not in admitted.image


@pytest.mark.parametrize("extra", [b"PK\x03\x04", b"%PDF-"])
def test_a_declared_second_picture_covers_for_nothing_else(extra: bytes) -> None:
    assert refusal(files.mpf(files.jpeg(), files.jpeg()) + extra).code == "polyglot"
    assert refusal(files.mpf(files.jpeg(), extra + bytes(50))).code == "polyglot"


def test_a_samsung_trailer_is_dropped_but_not_its_video() -> None:
    plain = files.jpeg()
    assert admit(plain + files.sef(b"1699999999999")).image == admit(plain).image
    assert refusal(plain + files.sef(b"\0\0\0\x18ftypmp42")).code == "polyglot"


def test_an_unusual_process_is_refused_by_name() -> None:
    data = files.jpeg()
    for process in (0xC3, 0xC9):  # lossless, arithmetic
        changed = data.replace(b"\xff\xc0", bytes([0xFF, process]), 1)
        assert refusal(changed).code == "unsupported-jpeg"


def test_a_claim_of_too_many_pixels_is_refused_before_decoding() -> None:
    data = bytearray(files.jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (50_000).to_bytes(2, "big") * 2
    caught = refusal(bytes(data))
    assert caught.code == "pixel-bomb"
    assert "50000" in caught.message


def test_endless_scans_and_segments_are_refused() -> None:
    data = files.jpeg(progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert refusal(data[:-2] + scan * 70 + b"\xff\xd9").code == "damaged"
    assert refusal(data[:2] + files.segment(0xFE, b"") * 30_000 + data[2:]).code == "damaged"


def test_a_small_picture_is_refused() -> None:
    assert refusal(files.jpeg(files.quadrants(40, 20))).code == "too-small"


def test_the_thumbnail_is_a_small_jpeg_of_the_same_picture() -> None:
    admitted = admit(files.jpeg(files.quadrants(1500, 1000), exif=files.exif(6)))
    with Image.open(io.BytesIO(admitted.thumbnail)) as small:
        assert (small.format, small.mode, max(small.size)) == ("JPEG", "RGB", 320)
        assert small.size == (213, 320)
    files.assert_corners(admitted.thumbnail, (BLUE, RED, GREY, GREEN), within=10)
