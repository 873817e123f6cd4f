"""Logs tell what went wrong, and never whose data it was.

PostgreSQL explains an error with the row's values ("DETAIL: Key (mrn)=(…) already exists"), Django
and Celery log the whole. This filter goes on each handler: what the database said is cut down to
the kind of error, the constraint, the table and the column, in messages as in tracebacks. Django
also names the address of what it refuses, and an invitation's holds the secret: that part is cut.
"""

import logging
import re
import traceback
from collections.abc import Iterator

# From the first explanatory line on; in a repr() the line ends are written out.
_EXPLANATION = re.compile(
    r"(?:\n|\\n)\s*(?:DETAIL|CONTEXT|HINT|QUERY|STATEMENT|LINE \d+)\s*:.*", re.DOTALL
)
_SECRET_PATH = re.compile(r"(/invitation/[^/\s]+/)[^/\s'\"<>]+")  # who has it may take the place
_WITHHELD = " (details are withheld)"
_SAFE_CLASSES = ("23", "40", "42", "53", "57")  # their first line names rules, tables, columns


class WithoutValues(logging.Filter):
    """Takes out what the database's errors tell, and secrets of paths. Changes, drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            found = record.exc_info[1]
            if any(_is_database_error(each) for each in _chain(found)):
                record.exc_text = described(found)
                # Handlers that format anew would show all of it again.
                record.exc_info = None
        if isinstance(record.args, tuple) and any(
            isinstance(each, BaseException) for each in record.args
        ):
            record.args = tuple(
                _said(each)
                if isinstance(each, BaseException) and _is_database_error(each)
                else each
                for each in record.args
            )
        message = record.getMessage()
        short = _cut(message)
        if short != message:
            record.msg, record.args = short, ()
        if record.exc_text:
            record.exc_text = _cut(record.exc_text)
        return True


def _cut(text: str) -> str:
    return _SECRET_PATH.sub(r"\1…", _EXPLANATION.sub(_WITHHELD, text))


def described(error: BaseException) -> str:
    """The traceback of an exception and of those behind it, without the database's values."""
    parts = []
    for each in reversed(list(_chain(error))):
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(each.__traceback__)]
        parts.append(
            "".join(lines) + f"{type(each).__module__}.{type(each).__name__}: {_said(each)}"
        )
    return "\n\nand then:\n\n".join(parts)


def _said(error: BaseException) -> str:
    if not _is_database_error(error):
        return str(error)
    # Django's error has psycopg2's as its cause, which knows the parts.
    diagnosis = next(
        (found for each in _chain(error) if (found := getattr(each, "diag", None))), None
    )
    code = getattr(diagnosis, "sqlstate", None)
    if diagnosis is None or code is None:  # no answer of the server's
        is_connection = type(error).__name__ in ("OperationalError", "InterfaceError")
        return str(error) if is_connection else f"{type(error).__name__}{_WITHHELD}"
    names = {
        "constraint": diagnosis.constraint_name,
        "table": diagnosis.table_name,
        "column": diagnosis.column_name,
    }
    known = ", ".join(f"{kind} {name}" for kind, name in names.items() if name)
    text = diagnosis.message_primary if code.startswith(_SAFE_CLASSES) else type(error).__name__
    return f"{text} [SQLSTATE {code}{', ' if known else ''}{known}]"


def _is_database_error(error: BaseException) -> bool:
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return "psycopg2" in modules or any(
        kind.__module__ == "django.db.utils" for kind in type(error).__mro__
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it, as a traceback would show them; each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        shown = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or shown
