"""CSV that a spreadsheet shows and never runs.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a line break may be taken for a formula
(OWASP, "CSV Injection"); so may their full-width forms. Such text gets a leading apostrophe, every
field is quoted, and quotes are doubled (RFC 4180), so that no text opens a cell of its own.
"""

import csv
import io
from collections.abc import Iterable

MEDIA_TYPE = "text/csv; charset=utf-8"
_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: object) -> str:
    """A value as the text of a cell. Numbers stay as they are: a minus sign there is one."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = str(value)
    # Spreadsheets drop blanks in front before they look, and a NUL may end the text for a reader.
    shown = text.lstrip(" \u00a0\x00")
    return f"'{text}" if shown.startswith(_STARTS) else text


def row(values: Iterable[object]) -> str:
    """One line, ended with CRLF, every field quoted."""
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(map(cell, values))
    return buffer.getvalue()
