"""A sealed and anchored trail of two clinics, and the hands of an attacker on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from dermaclinic import audit
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import anchors, sealer
from dermaclinic.audit.anchor_stores import FileStore
from dermaclinic.audit.checking import Finding
from dermaclinic.audit.models import Event
from dermaclinic.audit.verify import verify
from tests import factories
from tests.database import acting_as

TABLES = ("audit_event", "audit_seal", "audit_sealedevent", "audit_anchor")


@dataclass(frozen=True)
class Trail:
    """`first` and `second` are the numbers of the events under the clinic's two seals."""

    clinic: Actor
    other: Actor
    first: list[int]
    second: list[int]


def look(actor: Actor, times: int = 1) -> list[int]:
    """Events that wait to be sealed; their numbers."""
    with clinic_context(actor.clinic_id):
        for number in range(times):
            audit.viewed_audit(actor, filters={"action": "image.viewed"}, shown=number)
        newest = Event.objects.order_by("-id").values_list("id", flat=True)[:times]
        return sorted(newest)


def seal() -> int:
    """What the sealer does each second."""
    with acting_as("sealer"):
        return sealer.seal_once()


def anchor(path: Path) -> int:
    """What the sealer does once a day."""
    with acting_as("sealer"):
        return anchors.write(FileStore(path))


def lay(path: Path) -> Trail:
    """Two seals of one clinic with another's between them; then the anchor."""
    clinic = factories.actor(factories.clinic("Trail Test Clinic"), "administrator")
    other = factories.actor(factories.clinic("Other Test Clinic"), "administrator")
    first = look(clinic, 5)
    assert seal() == 5
    look(other, 2)
    assert seal() == 2
    second = look(clinic, 3)
    assert seal() == 3
    assert anchor(path) == 2
    return Trail(clinic, other, first, second)


@contextmanager
def attack() -> Iterator[Any]:
    """A cursor that may do everything, as a superuser could; afterwards nothing has happened.

    The tables' owner disables what a superuser would not be bound by: triggers and foreign keys.
    """
    with transaction.atomic():
        with acting_as("owner"), connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint "
                "WHERE contype = 'f' AND conparentid = 0 AND conrelid::regclass::text = ANY(%s)",
                [list(TABLES)],
            )
            for table, name in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            yield cursor
        transaction.set_rollback(True)


def finding(**options: Any) -> Finding | None:
    """The first thing that the sealer's command finds wrong."""
    with acting_as("sealer"):
        return verify(**{"processes": 1} | options).finding
