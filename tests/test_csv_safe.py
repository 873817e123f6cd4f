"""No text of ours is a formula in somebody's spreadsheet."""

import csv
import io

import pytest
from hypothesis import given, strategies as st

from dermaclinic import csv_safe

STARTS = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("start", STARTS)
def test_what_a_spreadsheet_would_run_is_text(start: str) -> None:
    assert csv_safe.cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert csv_safe.cell(f" {start}1") == f"' {start}1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1.5, "-1.5"), (7, "7"), (None, ""), (True, "True"), ("a=b", "a=b"), ("", "")],
)
def test_everything_else_stays_as_it_is(value: object, text: str) -> None:
    assert csv_safe.cell(value) == text


@given(st.lists(st.text(st.characters(exclude_characters="\x00")), min_size=1, max_size=4))
def test_a_row_reads_back_as_it_was_and_no_cell_begins_a_formula(values: list[str]) -> None:
    [read] = csv.reader(io.StringIO(csv_safe.row(values), newline=""))
    assert [each.removeprefix("'") for each in read] == [each.removeprefix("'") for each in values]
    assert not any(each.startswith(tuple(STARTS)) for each in read)
    assert csv_safe.row(values).endswith("\r\n")


def test_quotes_and_separators_open_no_cell() -> None:
    assert csv_safe.row(['a","=1', "x\r\n=2"]) == '"a"",""=1","x\r\n=2"\r\n'
