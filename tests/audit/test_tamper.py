"""Whoever owns the database changes what is sealed; verify names the row."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model

from dermaclinic.audit import content, record
from dermaclinic.audit.keyring import event_keys
from dermaclinic.audit.models import Event, Seal, SealedEvent
from tests import database
from tests.audit import trails
from tests.audit.trails import Trail, attack, finding

pytestmark = pytest.mark.django_db

HASH = "sha256('x')"


@pytest.fixture(scope="module")
def trail(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trail]:
    """One for all: each attack is rolled back."""
    with django_db_blocker.unblock():
        database.empty()
        yield trails.lay(tmp_path_factory.mktemp("anchors") / "audit.jsonl")
        database.empty()


def columns(model: type[Model]) -> set[str]:
    return {str(field.column) for field in model._meta.concrete_fields}


def test_what_nobody_touched_is_intact(trail: Trail) -> None:
    assert finding() is None


EVENT = {
    "id": "id + 1000",
    "uid": "gen_random_uuid()",
    "xid": "(xid::text::bigint + 1)::text::xid8",
    "at": "at + interval '1 microsecond'",
    "clinic_id": "gen_random_uuid()",
    "actor_id": "gen_random_uuid()",
    "role": "'doctor'",
    "action": "'patient.viewed'",
    "object_type": "'patients.patient'",
    "object_id": "'x'",
    "patient_id": "gen_random_uuid()",
    "outcome": "'denied'",
    "purpose": "'x'",
    "request_id": "'x'",
    "address": "'192.0.2.99'",
    "detail": "detail || '{\"shown\": 7}'",
    "key_id": "'old'",
    "mac": HASH,
}


def test_every_column_of_an_event_is_tried() -> None:
    assert set(EVENT) == columns(Event)


@pytest.mark.parametrize("column", EVENT)
def test_a_changed_event_is_named(trail: Trail, column: str) -> None:
    with attack() as cursor:
        cursor.execute(
            f"UPDATE audit_event SET {column} = {EVENT[column]} WHERE id = %s", [trail.first[2]]
        )
        assert cursor.rowcount == 1
        found = finding()
    assert found.event == trail.first[2]
    assert found.seal == 1
    assert ("removed" if column == "id" else "changed") in found.kind


def test_an_event_rewritten_with_the_events_own_key_is_named(trail: Trail) -> None:
    """The web server's key was stolen: the event's signature is right, its leaf is not."""
    with attack() as cursor:
        event = Event.objects.get(pk=trail.second[1])
        event.action = "image.viewed"
        record.sign(event)
        cursor.execute(
            "UPDATE audit_event SET action = %s, mac = %s WHERE id = %s",
            [event.action, event.mac, event.pk],
        )
        found = finding()
    assert (found.kind, found.event, found.seal) == ("the event was changed", event.pk, 2)


def test_and_with_its_leaf_rewritten_too_the_seal_is(trail: Trail) -> None:
    with attack() as cursor:
        event = record.sign(Event.objects.get(pk=trail.second[1]))
        event.request_id = "x"
        record.sign(event)
        cursor.execute(
            "UPDATE audit_event SET request_id = 'x', mac = %s WHERE id = %s", [event.mac, event.pk]
        )
        cursor.execute(
            "UPDATE audit_sealedevent SET leaf = %s WHERE event_id = %s",
            [content.leaf(event), event.pk],
        )
        found = finding()
    assert "exchanged" in found.kind
    assert (found.seal, found.clinic) == (2, trail.clinic.clinic_id)


@pytest.mark.parametrize("place", range(5))
def test_a_deleted_event_is_named(trail: Trail, place: int) -> None:
    with attack() as cursor:
        cursor.execute("DELETE FROM audit_event WHERE id = %s", [trail.first[place]])
        found = finding()
    assert (found.kind, found.event) == ("the event was removed", trail.first[place])


@pytest.mark.parametrize("place", range(5))
def test_so_is_one_deleted_with_its_place_in_the_seal(trail: Trail, place: int) -> None:
    with attack() as cursor:
        cursor.execute("DELETE FROM audit_event WHERE id = %s", [trail.first[place]])
        cursor.execute("DELETE FROM audit_sealedevent WHERE event_id = %s", [trail.first[place]])
        found = finding()
    if place in (0, 4):  # the seal says which events are its first and its last
        assert (found.kind, found.event) == ("the event was removed", trail.first[place])
    else:
        assert found.kind == "the event after this one was removed"
        assert found.event == trail.first[place - 1]


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 3), (0, 4)])
def test_events_that_changed_places_are_named(trail: Trail, one: int, other: int) -> None:
    with attack() as cursor:
        cursor.execute(
            "UPDATE audit_sealedevent SET position = 100 + %s WHERE event_id = %s",
            [other, trail.first[one]],
        )
        cursor.execute(
            "UPDATE audit_sealedevent SET position = %s WHERE event_id = %s",
            [one, trail.first[other]],
        )
        cursor.execute("UPDATE audit_sealedevent SET position = position - 100 WHERE position > 99")
        found = finding()
    assert "reordered" in found.kind
    assert found.event == trail.first[other]


@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_inserted_event_is_named(trail: Trail, place: int) -> None:
    """Signed with the event key and given a leaf: only the seal speaks against it."""
    with attack() as cursor:
        forged = record.event(trail.clinic, "patient.viewed", patient=uuid.uuid4())
        record.write([forged])
        forged.refresh_from_db()
        cursor.execute("SELECT id FROM audit_seal WHERE number = 1 ORDER BY id LIMIT 1")
        (seal_id,) = cursor.fetchone()
        shift = "UPDATE audit_sealedevent SET position = position {} WHERE seal_id = %s"
        cursor.execute(shift.format("+ 100"), [seal_id])
        cursor.execute(shift.format("- 100") + " AND position < 100 + %s", [seal_id, place])
        cursor.execute(shift.format("- 99") + " AND position > 99", [seal_id])
        cursor.execute(
            "INSERT INTO audit_sealedevent (event_id, seal_id, position, leaf) "
            "VALUES (%s, %s, %s, %s)",
            [forged.pk, seal_id, place, content.leaf(forged)],
        )
        found = finding()
    assert (found.kind, found.event, found.seal) == ("an event was added", forged.pk, 1)


def test_a_copy_with_a_used_number_is_named(trail: Trail) -> None:
    with attack() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM audit_event WHERE id = %s",
            [trail.first[1]],
        )
        cursor.execute("UPDATE copied SET at = at - interval '1 second', uid = gen_random_uuid()")
        cursor.execute("INSERT INTO audit_event SELECT * FROM copied")
        found = finding()
    assert (found.kind, found.event) == ("the event was changed", trail.first[1])


SEAL = {
    "id": "id + 1000",
    "clinic_id": "gen_random_uuid()",
    "number": "number + 10",
    "sealed_at": "sealed_at + interval '1 microsecond'",
    "first_event": "first_event + 1",
    "last_event": "last_event - 1",
    "count": "count - 1",
    "horizon": "'1'",
    "merkle_root": HASH,
    "previous_mac": HASH,
    "form": "1",
    "key_id": "'old'",
    "mac": HASH,
}


def test_every_column_of_a_seal_is_tried() -> None:
    assert set(SEAL) == columns(Seal)


@pytest.mark.parametrize("column", SEAL)
def test_a_changed_seal_is_named(trail: Trail, column: str) -> None:
    with attack() as cursor:
        seal = Seal.objects.get(clinic=trail.clinic.clinic_id, number=1)
        cursor.execute(f"UPDATE audit_seal SET {column} = {SEAL[column]} WHERE id = %s", [seal.pk])
        found = finding()
    if column == "id":  # its row's number means nothing, but its events have lost it
        assert (found.kind, found.event) == ("the event's seal was removed", trail.first[0])
    else:
        assert "the seal was changed" in found.kind
        assert found.seal == (11 if column == "number" else 1)


MEMBER = {
    "event_id": ("999", "removed", lambda t: 999),
    "seal_id": ("seal_id + 1", "removed", lambda t: t.first[1]),
    "position": ("77", "reordered", lambda t: t.first[2]),
    "leaf": (HASH, "changed", lambda t: t.first[2]),
}


def test_every_column_of_a_place_is_tried() -> None:
    assert set(MEMBER) == columns(SealedEvent)


@pytest.mark.parametrize("column", MEMBER)
def test_a_changed_place_in_a_seal_is_named(trail: Trail, column: str) -> None:
    value, kind, event = MEMBER[column]
    with attack() as cursor:
        cursor.execute(
            f"UPDATE audit_sealedevent SET {column} = {value} WHERE event_id = %s",
            [trail.first[2]],
        )
        found = finding()
    assert kind in found.kind
    assert found.event == event(trail)
    assert found.seal == 1


def test_a_seal_replaced_by_one_with_another_key_is_named(trail: Trail) -> None:
    with attack() as cursor:
        seal = Seal.objects.get(clinic=trail.clinic.clinic_id, number=2)
        seal.merkle_root = bytes(32)
        mac = event_keys().sign(content.seal_bytes(seal))
        cursor.execute(
            "UPDATE audit_seal SET merkle_root = %s, mac = %s WHERE id = %s",
            [seal.merkle_root, mac, seal.pk],
        )
        found = finding()
    assert (found.kind, found.seal) == ("the seal was changed", 2)


def test_a_seal_replaced_by_an_older_genuine_one_is_named(trail: Trail) -> None:
    with attack() as cursor:
        first, second = Seal.objects.filter(clinic=trail.clinic.clinic_id).order_by("number")
        same = ", ".join(f"{name} = older.{name}" for name in columns(Seal) - {"id", "number"})
        cursor.execute(
            f"UPDATE audit_seal seal SET {same}, number = 2 FROM audit_seal older "
            "WHERE seal.id = %s AND older.id = %s",
            [second.pk, first.pk],
        )
        found = finding()
    assert (found.kind, found.seal) == ("the seal was changed", 2)


def test_a_removed_seal_is_named(trail: Trail) -> None:
    with attack() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM audit_seal WHERE clinic_id = %s AND number = 1 RETURNING id)"
            " DELETE FROM audit_sealedevent WHERE seal_id = (SELECT id FROM gone)",
            [trail.clinic.clinic_id],
        )
        found = finding()
    assert (found.kind, found.seal) == ("the seal before it was removed", 2)


@pytest.mark.parametrize("number", [1, 2])
def test_so_are_the_events_that_it_left(trail: Trail, number: int) -> None:
    with attack() as cursor:
        cursor.execute(
            "DELETE FROM audit_seal WHERE clinic_id = %s AND number = %s",
            [trail.clinic.clinic_id, number],
        )
        found = finding()
    assert found.kind == "the event's seal was removed"
    assert found.event == (trail.first if number == 1 else trail.second)[0]
