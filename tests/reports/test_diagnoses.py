"""The list of diagnoses: well-formed codes, and at one with the network's table of classes."""

import pytest

from inference.network.classes import CLASSES
from reports.diagnoses import DIAGNOSES, display, model_class, warning

# Verhoeff's dihedral scheme, which ends every SNOMED CT identifier (SNOMED CT TIG, 5.8).


def _multiply(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def _permute(position: int, digit: int) -> int:
    for _ in range(position % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def verhoeff(code: str) -> int:
    """0 for an identifier whose check digit is right."""
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = _multiply(check, _permute(position, int(digit)))
    return check


@pytest.mark.parametrize("code", list(DIAGNOSES))
def test_a_code_is_a_snomed_ct_concept_identifier(code: str) -> None:
    assert verhoeff(code) == 0
    assert code[-3:-1] in ("00", "10"), "the partition of concepts"


def test_the_check_sees_a_mistyped_code() -> None:
    assert verhoeff("93655004") == 0
    assert verhoeff("93655014") != 0


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: row.key)
def test_each_class_of_the_network_is_a_diagnosis(row: object) -> None:
    from inference.network.classes import DiseaseClass

    assert isinstance(row, DiseaseClass)
    diagnosis = DIAGNOSES[row.code]
    assert (diagnosis.model_class, diagnosis.malignant) == (row.key, row.malignant)
    assert str(diagnosis.display) == row.display


def test_a_finer_diagnosis_points_to_a_class_that_exists() -> None:
    keys = {row.key for row in CLASSES}
    assert {each.model_class for each in DIAGNOSES.values()} - keys == {None}
    assert model_class("254818000") == "nv"
    assert model_class("254651007") is None
    assert model_class("1") is None


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert display("93655004") == "Malignant melanoma of skin"
    assert display("123") == "123"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("201101007", "premalignant"),
        ("254656002", "in situ"),
        ("93655004", "malignant"),
        ("400010006", ""),
        ("1", ""),
    ],
)
def test_a_diagnosis_is_marked_as_what_it_is(code: str, word: str) -> None:
    assert warning(code) == word
