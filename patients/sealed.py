"""Sealed columns: each value is an envelope bound to its table, row and column.

A value that was copied into another row or column does not open there. Rewrapping replaces the
envelope's header; the sealed data stay the same bytes.
"""

import uuid
from collections import Counter
from typing import Any

from dermaclinic.sealing import envelope
from dermaclinic.sealing.installed import keyring
from dermaclinic.sealing.keyring import Keyring
from patients.models import Merge, PatientChange, PatientContact

Sealed = PatientContact | PatientChange | Merge
COLUMNS: dict[type[PatientContact] | type[PatientChange] | type[Merge], tuple[str, ...]] = {
    PatientContact: ("phone", "email", "address", "identifier"),
    PatientChange: ("sealed",),
    Merge: ("sealed",),
}
BATCH = 200
Place = tuple[int, uuid.UUID]  # a table of COLUMNS, and the last row that is done


def seal(row: Sealed, column: str, text: str) -> bytes:
    """The value for a row's column; empty stays empty, which tells that nothing is there."""
    return envelope.seal(keyring(), _name(row, column), text.encode()) if text else b""


def open_(row: Sealed, column: str) -> str:
    """The text in a row's column. Raises VaultCorrupt or VaultKeyMissing."""
    sealed = bytes(getattr(row, column))
    return envelope.unseal(keyring(), _name(row, column), sealed).decode() if sealed else ""


def _name(row: Sealed, column: str) -> str:
    return f"{row._meta.db_table}/{row.pk}/{column}"


def key_ids(keys: Keyring) -> Counter[str]:
    """How many values of the clinic in context need which key."""
    found: Counter[str] = Counter({keys.current_id: 0})
    for model, columns in COLUMNS.items():
        for row in model.objects.only("pk", *columns).iterator():
            for column in columns:
                if sealed := bytes(getattr(row, column)):
                    found[envelope.key_id_of(_name(row, column), sealed)] += 1
    return found


def rewrap_batch(keys: Keyring, *, after: Place | None = None) -> tuple[int, Place | None]:
    """Rewrap the next rows of the clinic in context; how many values, and where to go on.

    Call it until it returns None for the place. Rows that somebody is editing are waited for.
    """
    table, last = after or (0, uuid.UUID(int=0))
    model, columns = list(COLUMNS.items())[table]
    rows: list[Any] = list(
        model.objects.select_for_update(of=("self",))
        .filter(pk__gt=last)
        .only("pk", *columns)
        .order_by("pk")[:BATCH]
    )
    changed = sum(_rewrap(keys, row, columns) for row in rows)
    if len(rows) == BATCH:
        return changed, (table, rows[-1].pk)
    return changed, (table + 1, uuid.UUID(int=0)) if table + 1 < len(COLUMNS) else None


def _rewrap(keys: Keyring, row: Sealed, columns: tuple[str, ...]) -> int:
    new = {}
    for column in columns:
        sealed = bytes(getattr(row, column))
        if sealed and (wrapped := envelope.rewrap(keys, _name(row, column), sealed)) != sealed:
            new[column] = wrapped
    if new:
        type(row).objects.filter(pk=row.pk).update(**new)
    return len(new)
