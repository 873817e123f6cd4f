"""PNG: every colour type in its right colours; cut, animated, stuffed and lying files refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imaging.formats import Refused, admit
from tests.imaging import files
from tests.imaging.files import GREEN, GREY, RED, WHITE, chunk


def refusal(data: bytes, filename: str = "") -> Refused:
    with pytest.raises(Refused) as caught:
        admit(data, filename=filename)
    return caught.value


def test_a_plain_png_keeps_its_pixels_and_drops_its_text() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "Doctor Secret")
    notes.add_itxt("Comment", "Doctor Secret", zip=True)
    picture = files.texture()
    data = files.png(picture, pnginfo=notes, exif=files.exif(1))
    admitted = admit(data, filename="lesion.PNG")
    assert (admitted.format, admitted.image_media_type) == ("png", "image/png")
    np.testing.assert_array_equal(files.pixels(admitted.image), picture)
    kinds = {kind for kind in (b"tEXt", b"iTXt", b"eXIf") if kind in admitted.image}
    assert not kinds and b"Secret" in data and b"Secret" not in admitted.image


@pytest.mark.parametrize("value", [0, 255, 256, 0x80C0, 0xFFFF])
def test_16_bit_grey_is_scaled(value: int) -> None:
    data = files.raw_png(np.full((40, 40, 1), value), depth=16, colour=0)
    level = round(value / 257)
    assert (files.pixels(admit(data).image) == level).all()


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_16_bit_colour_is_scaled(colour: int, channels: int) -> None:
    rows = np.full((40, 40, channels), 0x80C0)
    if colour in (4, 6):
        rows[..., -1] = 0xFFFF
    found = files.pixels(admit(files.raw_png(rows, depth=16, colour=colour)).image)
    assert np.abs(found.astype(int) - 129).max() <= 1


@pytest.mark.parametrize("mode", ["P", "1", "L"])
def test_palettes_and_grey_become_rgb(mode: str) -> None:
    source = Image.fromarray(files.quadrants()).convert(mode)
    expected = np.asarray(source.convert("RGB"))
    np.testing.assert_array_equal(files.pixels(admit(files.saved(source, "PNG")).image), expected)


def test_transparency_becomes_white() -> None:
    array = np.dstack([files.quadrants(), np.full((64, 96), 255, np.uint8)])
    array[32:, :48, 3] = 0
    array[32:, 48:, 3] = 128
    admitted = admit(files.saved(Image.fromarray(array), "PNG"))
    files.assert_corners(admitted.image, (RED, GREEN, WHITE, (191, 191, 191)), within=1)


def test_a_transparent_palette_entry_becomes_white() -> None:
    source = Image.fromarray(files.quadrants()).convert(
        "P", palette=Image.Palette.ADAPTIVE, colors=4
    )
    index = source.getpixel((10, 10))
    admitted = admit(files.saved(source, "PNG", transparency=index))
    files.assert_corners(admitted.image, (WHITE, GREEN, files.BLUE, GREY), within=1)


def test_a_transparent_colour_becomes_white() -> None:
    clear = chunk(b"tRNS", struct.pack(">HHH", *RED))
    data = files.raw_png(files.quadrants(), depth=8, colour=2, between=clear)
    files.assert_corners(admit(data).image, (WHITE, GREEN, files.BLUE, GREY), within=0)
    grey = np.full((40, 40, 1), 5000)
    grey[:20] = 40000
    data = files.raw_png(grey, depth=16, colour=0, between=chunk(b"tRNS", struct.pack(">H", 5000)))
    found = files.pixels(admit(data).image)
    assert (found[30, 30] == 255).all() and (found[5, 5] == round(40000 / 257)).all()


def test_interlacing_is_read() -> None:
    picture = files.quadrants(37, 53)
    data = _interlaced(picture)
    np.testing.assert_array_equal(files.pixels(admit(data).image), picture)


def _interlaced(picture: np.ndarray, rows_left_out: int = 0) -> bytes:
    height, width = picture.shape[:2]
    lines = []
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        lines += [b"\0" + row[x::dx].tobytes() for row in picture[y::dy] if len(row[x::dx])]
    body = zlib.compress(b"".join(lines[: len(lines) - rows_left_out]))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return files.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_profile_gamma_and_orientation_are_applied_then_dropped() -> None:
    admitted = admit(files.png(icc_profile=files.swapped_profile()))
    files.assert_corners(admitted.image, (GREEN, RED, files.BLUE, GREY), within=12)
    linear = files.raw_png(
        files.quadrants(), depth=8, colour=2, between=chunk(b"gAMA", struct.pack(">I", 100_000))
    )
    files.assert_corners(admit(linear).image, (RED, GREEN, files.BLUE, (188, 188, 188)), within=1)
    turned = admit(files.png(exif=files.exif(6)))
    files.assert_corners(turned.image, (files.BLUE, RED, GREY, GREEN), within=0)
    for image in (admitted.image, turned.image):
        assert b"iCCP" not in image and b"eXIf" not in image


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_cut_png_is_refused(share: float) -> None:
    data = files.png(files.texture())
    assert refusal(data[: int(len(data) * share)]).code == "truncated"


def test_missing_rows_are_not_silently_black() -> None:
    picture = files.texture(100, 80)
    data = files.raw_png(picture[:40], depth=8, colour=2, size=(100, 80))
    assert refusal(data).code == "truncated"
    assert refusal(_interlaced(picture, rows_left_out=3)).code == "truncated"


def test_a_bomb_in_the_pixel_data_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(80 << 20), 9)
    data = files.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    assert refusal(data).code == "damaged"


def test_bombs_in_text_and_profile_are_never_inflated() -> None:
    packed = zlib.compress(bytes(80 << 20), 9)
    for bomb in (chunk(b"zTXt", b"Comment\0\0" + packed), chunk(b"iCCP", b"bomb\0\0" + packed)):
        data = files.raw_png(files.quadrants(), depth=8, colour=2, between=bomb)
        files.assert_corners(admit(data).image, within=0)


def test_a_claim_of_too_many_pixels_is_refused_before_decoding() -> None:
    data = files.raw_png(files.quadrants(), depth=8, colour=2, size=(50_000, 50_000))
    assert refusal(data).code == "pixel-bomb"


def test_an_animation_is_refused() -> None:
    frames = [Image.fromarray(files.texture(seed=seed)) for seed in (1, 2)]
    data = files.saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert b"acTL" in data
    assert refusal(data).code == "animated"


@pytest.mark.parametrize("tail", [b"PK\x03\x04zip", b"<html>", files.jpeg()])
def test_a_second_file_behind_the_picture_is_refused(tail: bytes) -> None:
    assert refusal(files.png() + tail).code == "polyglot"
    assert admit(files.png() + b"\0" * 40).image == admit(files.png()).image


@pytest.mark.parametrize("kind", [b"tEXt", b"zzZz", b"eXIf"])
def test_a_script_in_a_chunk_is_refused_or_dropped(kind: bytes) -> None:
    body = b"Comment\0<script>alert(1)</script>"
    data = files.raw_png(files.quadrants(), depth=8, colour=2, between=chunk(kind, body))
    if kind == b"eXIf":
        assert b"script" not in admit(data).image
    else:
        assert refusal(data).code == "polyglot"


def test_damage_is_refused() -> None:
    data = bytearray(files.png(files.texture()))
    data[len(data) // 2] ^= 0xFF
    assert refusal(bytes(data)).code == "damaged"
    good = files.png()
    unknown = good[:33] + chunk(b"ABCD", b"critical") + good[33:]
    assert refusal(unknown).code == "damaged"
    for header in ((96, 64, 8, 5, 0, 0, 0), (96, 64, 3, 2, 0, 0, 0), (96, 64, 8, 2, 1, 0, 0)):
        changed = files.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", *header)) + good[33:]
        assert refusal(changed).code == "damaged"
    assert refusal(good[:8] + good[33:]).code == "damaged"  # no header
