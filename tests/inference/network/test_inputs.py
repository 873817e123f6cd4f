"""What goes in: classes with valid codes, metadata vectors, squares; none of it needs Keras."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from inference.network.classes import CLASSES, KEYS
from inference.network.metadata import DERMOSCOPY, SITES, Fields, Metadata
from inference.network.preprocess import UnreadableImage, decode, square

DIHEDRAL = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
PERMUTED = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff(number: str) -> int:
    """The check sum that every SNOMED CT identifier brings to zero."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(DIHEDRAL[check][int(PERMUTED[place % 8][int(digit)])])
    return check


def test_codes_are_snomed_identifiers_of_their_own() -> None:
    assert [row.key for row in CLASSES] == sorted(KEYS)
    assert len({row.code for row in CLASSES}) == len(CLASSES)
    assert {row.key: verhoeff(row.code) for row in CLASSES} == dict.fromkeys(KEYS, 0)
    assert verhoeff("93655005") != 0


def test_malignant_classes() -> None:
    assert {row.key for row in CLASSES if row.malignant} == {"akiec", "bcc", "mel"}


PHOTOGRAPH = Fields(sex=(), site=("nose", "hand"), flags=("itch", "bleed"), indicators=False)


def test_missing_fields_are_marked_and_nothing_else() -> None:
    [vector] = DERMOSCOPY.encode([Metadata()])
    starts = [part.start for part in DERMOSCOPY.parts.values()]
    assert vector.sum() == 3
    assert vector[starts].tolist() == [1, 1, 1]


def test_without_indicators_a_missing_field_is_nothing() -> None:
    assert PHOTOGRAPH.width == 2 + 2 + 1 + 1
    assert not PHOTOGRAPH.encode([Metadata()]).any()
    said = PHOTOGRAPH.encode([Metadata(75, "male", "nose", itch=False, bleed=True)])
    assert said.tolist() == [[1, 1, 1, 0, -1, 1]]


def test_known_fields_are_encoded() -> None:
    [vector] = DERMOSCOPY.encode([Metadata(75, "male", "back")])
    parts = DERMOSCOPY.parts
    assert vector[parts["age"]].tolist() == [0, 1, 1]
    assert vector[parts["sex"]].tolist() == [0, 0, 1]
    assert vector[parts["site"]].argmax() == 1 + SITES.index("back")
    assert vector.shape == (DERMOSCOPY.width,)


@pytest.mark.parametrize(
    "known",
    [Metadata(-1), Metadata(400), Metadata(sex="x"), Metadata(site="moon"), Metadata(float("nan"))],
)
def test_what_the_vocabulary_does_not_hold_is_missing(known: Metadata) -> None:
    assert DERMOSCOPY.known(known) == {}
    np.testing.assert_array_equal(DERMOSCOPY.encode([known]), DERMOSCOPY.missing(1))


def test_dropping_everything_equals_knowing_nothing() -> None:
    vectors = DERMOSCOPY.encode([Metadata(30, "female", "ear")] * 4)
    rng = np.random.default_rng(0)
    drop = DERMOSCOPY.drop
    np.testing.assert_array_equal(drop(vectors, rng, each=0, everything=1), DERMOSCOPY.missing(4))
    np.testing.assert_array_equal(drop(vectors, rng, each=0, everything=0), vectors)
    some = drop(np.repeat(vectors, 500, axis=0), rng, each=0.2, everything=0)
    assert some[:, DERMOSCOPY.parts["age"].start].mean() == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("fields", [DERMOSCOPY, PHOTOGRAPH])
def test_a_manifest_brings_the_fields_back(fields: Fields) -> None:
    assert Fields.from_manifest(fields.manifest()) == fields


def test_a_field_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="dx_type"):
        Fields.from_manifest({"fields": ["age", "dx_type"]})


def test_square_takes_the_centre_of_a_frame() -> None:
    frame = np.zeros((150, 200, 3), np.uint8)
    frame[:, 25:175] = 200
    pixels = square(Image.fromarray(frame), 160)
    assert (pixels[:, 2:-2] == 200).all()


@pytest.mark.parametrize("size", [(600, 450), (200, 150), (224, 224), (150, 200), (31, 977)])
def test_every_frame_becomes_the_same_square(size: tuple[int, int]) -> None:
    pixels = square(Image.new("RGB", size, (10, 120, 240)), 160)
    assert pixels.shape == (160, 160, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[80, 80], (10, 120, 240))


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels = square(Image.fromarray(stripes), 160)
    assert pixels.std() < 5


def test_a_square_of_the_right_size_is_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (160, 160, 3), np.uint8)
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 160), pixels)


def test_decode_turns_by_exif_and_converts() -> None:
    image, data = Image.new("L", (40, 20), 7), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(data, "JPEG", exif=exif)
    decoded = decode(data.getvalue())
    assert decoded.size == (20, 40)
    assert decoded.mode == "RGB"


def test_decode_refuses_what_is_no_whole_image() -> None:
    data = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(data, "JPEG")
    for broken in (b"", b"<html>", data.getvalue()[:500]):
        with pytest.raises(UnreadableImage):
            decode(broken)


def test_engine_and_package_import_without_tensorflow() -> None:
    code = (
        "import sys, inference.engine, inference.package, inference.network.classes;"
        "print([name for name in ('tensorflow', 'keras', 'django') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_sites_are_those_of_the_table() -> None:
    assert DERMOSCOPY.names == ("age", "sex", "site")
    assert len(SITES) == 14
