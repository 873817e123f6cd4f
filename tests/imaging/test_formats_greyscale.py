"""DICOM's greyscale pipeline and palettes: windows, lookup tables, signs, depths."""

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from imaging.formats import Refused, admit
from tests.imaging import dicoms, files
from tests.imaging.dicoms import dicom, ramp
from tests.imaging.files import BLUE, GREEN, GREY, RED


def line(data: bytes) -> NDArray[np.int64]:
    """The middle row's grey levels."""
    found = files.pixels(admit(data).image)
    assert np.abs(found[..., 0].astype(int) - found[..., 2]).max() <= 2
    return found[32, :, 1].astype(np.int64)


def assert_line(data: bytes, expected: NDArray[Any], within: int = 3) -> None:
    assert np.abs(line(data) - np.clip(np.rint(expected), 0, 255)).max() <= within


RISING = np.linspace(0, 255, files.WIDTH)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_the_whole_range_of_a_depth_is_shown(bits: int, signed: bool) -> None:
    assert_line(dicom(ramp(bits, signed=signed), bits=bits), RISING)


def test_monochrome1_is_inverted() -> None:
    assert_line(dicom(ramp(12), bits=12, interpretation="MONOCHROME1"), RISING[::-1])


def test_8_bit_without_window_is_shown_as_it_is() -> None:
    array = np.tile(np.linspace(40, 90, 96).round().astype(np.uint8), (64, 1))
    assert_line(dicom(array), np.linspace(40, 90, 96))


def test_few_of_many_bits_are_stretched() -> None:
    array = np.tile(np.linspace(1000, 2000, 96).round().astype(np.uint16), (64, 1))
    assert_line(dicom(array), RISING)
    array[0] = 0  # padding does not count
    assert_line(dicom(array, PixelPaddingValue=0), RISING)


def test_bits_outside_the_stored_ones_are_ignored() -> None:
    high = (ramp(12) << 4) | 0xF
    assert_line(dicom(high, bits=12, HighBit=15), RISING)
    overlaid = ramp(12) | 0x8000
    assert_line(dicom(overlaid, bits=12), RISING)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT"])
def test_a_window(function: str | None) -> None:
    values = ramp(12)[0].astype(float)
    tags = {"VOILUTFunction": function} if function else {}
    data = dicom(ramp(12), bits=12, WindowCenter=[1000, 9], WindowWidth=[800, 9], **tags)
    assert_line(data, 255 * ((values - 1000) / 800 + 0.5))


def test_a_sigmoid_window() -> None:
    values = ramp(12)[0].astype(float)
    data = dicom(ramp(12), bits=12, WindowCenter=2000, WindowWidth=1500, VOILUTFunction="SIGMOID")
    assert_line(data, 255 / (1 + np.exp(-4 * (values - 2000) / 1500)))


def test_rescale_comes_before_the_window() -> None:
    values = 2 * ramp(12)[0].astype(float) - 1024
    data = dicom(
        ramp(12), bits=12, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=0, WindowWidth=1001
    )
    assert_line(data, 255 * (values / 1000 + 0.5))


def _table(outputs: NDArray[Any], first: int, bits: int) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(outputs) % 65536, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.add_new("LUTData", "OW", outputs.astype("<u2").tobytes())
    return Sequence([item])


def test_a_voi_lut() -> None:
    outputs = np.linspace(65535, 0, 4096)
    assert_line(dicom(ramp(12), bits=12, VOILUTSequence=_table(outputs, 0, 16)), RISING[::-1])


def test_a_modality_lut_then_a_window() -> None:
    outputs = np.arange(4096) // 2
    data = dicom(
        ramp(12),
        bits=12,
        ModalityLUTSequence=_table(outputs, 0, 16),
        WindowCenter=1024,
        WindowWidth=2048,
    )
    assert_line(data, RISING)


def test_values_outside_a_lut_take_its_ends() -> None:
    outputs = np.linspace(0, 1023, 1024)
    values = ramp(12)[0].astype(float)
    expected = 255 * np.clip(values - 1000, 0, 1023) / 1023
    assert_line(dicom(ramp(12), bits=12, VOILUTSequence=_table(outputs, 1000, 10)), expected)


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": "1e300", "WindowWidth": "1e300"},
        {"WindowCenter": 5, "WindowWidth": 0},
        {"RescaleSlope": 0, "RescaleIntercept": 7},
    ],
)
def test_a_senseless_window_is_ignored(tags: dict[str, object]) -> None:
    assert_line(dicom(ramp(12), bits=12, **tags), RISING)


COLOURS = np.array([RED, GREEN, BLUE, GREY])


def indexed(first: int = 0, kind: str = "u1") -> NDArray[Any]:
    """The quadrants as palette entries 0 to 3, counted from ``first``."""
    array = np.empty((64, 96), kind)
    array[:32, :48], array[:32, 48:], array[32:, :48], array[32:, 48:] = range(first, first + 4)
    return array


def palette(
    data: list[bytes], *, first: int = 0, bits: int = 8, segmented: bool = False, entries: int = 4
) -> dict[str, Any]:
    prefix = "Segmented" if segmented else ""
    tags: dict[str, Any] = {}
    for colour, column in zip(("Red", "Green", "Blue"), data, strict=True):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [entries, first, bits]
        tags[f"{prefix}{colour}PaletteColorLookupTableData"] = column
    return tags


def coloured(array: NDArray[Any], tags: dict[str, Any], **more: Any) -> bytes:
    made = dicoms.dataset(array, interpretation="PALETTE COLOR", **tags, **more)
    signed = array.dtype.kind == "i"
    for colour in ("Red", "Green", "Blue"):
        made[f"{colour}PaletteColorLookupTableDescriptor"].VR = "SS" if signed else "US"
    return dicoms.written(made)


@pytest.mark.parametrize("first", [0, 7, 200])
def test_an_8_bit_palette(first: int) -> None:
    tags = palette([COLOURS[:, c].astype(np.uint8).tobytes() for c in range(3)], first=first)
    files.assert_corners(admit(coloured(indexed(first), tags)).image)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_a_16_bit_palette(syntax: str) -> None:
    tags = palette([(COLOURS[:, c] * 257).astype("<u2").tobytes() for c in range(3)], bits=16)
    files.assert_corners(admit(coloured(indexed(kind="u2"), tags, syntax=syntax)).image)


def test_a_16_bit_palette_that_fills_8_bits_only() -> None:
    tags = palette([COLOURS[:, c].astype("<u2").tobytes() for c in range(3)], bits=16)
    files.assert_corners(admit(coloured(indexed(), tags)).image)


def test_a_palette_in_big_endian() -> None:
    tags = palette([(COLOURS[:, c] * 257).astype(">u2").tobytes() for c in range(3)], bits=16)
    array = indexed(kind="u2")
    data = coloured(
        array, tags, syntax=uid.ExplicitVRBigEndian, pixels=array.astype(">u2").tobytes()
    )
    files.assert_corners(admit(data).image)


def test_a_palette_for_signed_values() -> None:
    tags = palette(
        [(COLOURS[:, c] * 257).astype("<u2").tobytes() for c in range(3)], first=-2, bits=16
    )
    files.assert_corners(admit(coloured(indexed(-2, "i2"), tags)).image)


def test_an_rle_palette() -> None:
    tags = palette([COLOURS[:, c].astype(np.uint8).tobytes() for c in range(3)])
    made = dicoms.dataset(indexed(), interpretation="PALETTE COLOR", **tags)
    made.compress(uid.RLELossless, generate_instance_uid=False)
    files.assert_corners(admit(dicoms.written(made)).image)


def test_a_segmented_palette() -> None:
    """Discrete start, linear rise, and the same rise again by reference: 0, then 1..100 twice."""

    def units(*numbers: int) -> bytes:
        return struct.pack(f"<{len(numbers)}H", *numbers)

    rising = units(0, 1, 0, 1, 100, 100 * 257, 2, 1, 6, 0)
    constant = units(0, 1, 0, 1, 100, 0, 1, 100, 0)
    tags = palette([rising, constant, constant], bits=16, segmented=True, entries=201)
    array = np.tile(np.linspace(0, 100, 96).round().astype(np.uint8), (64, 1))
    found = files.pixels(admit(coloured(array, tags)).image)[32].astype(int)
    assert (
        np.abs(found[:, 0] - np.linspace(0, 100, 96).round()).max() <= 10
    )  # saturated red in JPEG
    assert found[:, 1:].max() <= 10


@pytest.mark.parametrize(
    "column",
    [
        struct.pack("<6H", 1, 100, 7, 0, 0, 0),  # begins with a rise from nothing
        struct.pack("<7H", 0, 1, 0, 2, 9, 100, 0),  # refers to what comes later
        struct.pack("<4H", 9, 1, 0, 0),  # no such segment
        struct.pack("<4H", 0, 60000, 0, 0),  # longer than its data
    ],
)
def test_a_broken_segmented_palette_is_refused(column: bytes) -> None:
    tags = palette([column] * 3, bits=16, segmented=True, entries=256)
    with pytest.raises(Refused) as caught:
        admit(coloured(indexed(), tags))
    assert caught.value.code == "damaged"


def test_a_palette_that_is_missing_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        admit(dicom(indexed(), interpretation="PALETTE COLOR"))
    assert caught.value.code == "damaged"
