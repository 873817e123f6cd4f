"""Events are written once, sealed in order, and every kind of tampering is named."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import content, record, sealer
from dermaclinic.audit.models import Event, Seal, SealedEvent
from dermaclinic.audit.verify import prove, verify
from tests import factories
from tests.database import acting_as

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def trail(administrator: Any) -> list[int]:
    """Five sealed events of one clinic, oldest first."""
    for number in range(5):
        with clinic_context(administrator.clinic_id):
            audit.viewed_audit(administrator, filters={}, shown=number)
    with acting_as("sealer"):
        assert sealer.seal_once() == 5
        return list(Event.objects.order_by("id").values_list("id", flat=True))


def tamper(sql: str, *params: Any) -> None:
    """As an attacker who owns the database would: triggers off, change, triggers on."""
    tables = ("audit_event", "audit_seal", "audit_sealedevent")
    with acting_as("owner"), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, params)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def look(actor: Any) -> int:
    """An event that waits to be sealed; its number."""
    with clinic_context(actor.clinic_id):
        audit.viewed_audit(actor, filters={}, shown=0)
        return Event.objects.latest("id").pk


def finding() -> Any:
    with acting_as("sealer"):
        return verify().finding


@pytest.mark.parametrize("role", ["owner", "web", "worker", "sealer"])
@pytest.mark.parametrize("what", ["UPDATE audit_event SET role=''", "DELETE FROM audit_event"])
def test_nobody_changes_an_event(trail: list[int], role: str, what: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), acting_as(role):
        with connection.cursor() as cursor:
            cursor.execute(what)
    with acting_as("sealer"):
        assert Event.objects.count() == 5


def test_nobody_truncates_the_events(trail: list[int]) -> None:
    with pytest.raises(DatabaseError, match="never"), transaction.atomic(), acting_as("owner"):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE audit_event CASCADE")


def test_an_intact_trail_verifies(trail: list[int]) -> None:
    with acting_as("sealer"):
        verdict = verify()
    assert verdict.finding is None
    assert (verdict.events, verdict.seals, verdict.unsealed) == (5, 1, 0)


def test_every_event_of_a_seal_has_its_proof(trail: list[int]) -> None:
    with acting_as("sealer"):
        assert all(prove(event) for event in Event.objects.all())


TAMPERINGS: dict[str, tuple[str, str, Callable[[list[int]], int | None]]] = {
    "a field": ("UPDATE audit_event SET action='x' WHERE id=%s", "changed", lambda t: t[2]),
    "the detail": ("UPDATE audit_event SET detail='{}' WHERE id=%s", "changed", lambda t: t[2]),
    "the clock": (
        "UPDATE audit_event SET at = at - interval '1 day' WHERE id=%s",
        "changed",
        lambda t: t[2],
    ),
    "deletion": ("DELETE FROM audit_event WHERE id=%s", "removed", lambda t: t[2]),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_with_an_event_names_it(trail: list[int], name: str) -> None:
    sql, kind, which = TAMPERINGS[name]
    tamper(sql, trail[2])
    found = finding()
    assert kind in found.kind
    assert found.event == which(trail)


def test_two_events_that_changed_places_are_noticed(trail: list[int]) -> None:
    tamper("UPDATE audit_sealedevent SET position = position + 100 WHERE event_id = %s", trail[0])
    tamper("UPDATE audit_sealedevent SET position = 0 WHERE event_id = %s", trail[1])
    tamper("UPDATE audit_sealedevent SET position = 1 WHERE event_id = %s", trail[0])
    assert "reordered" in finding().kind


def test_an_inserted_event_is_noticed(trail: list[int], administrator: Any) -> None:
    forged = record.event(administrator, "audit.viewed")
    with clinic_context(administrator.clinic_id):
        record.write([forged])
    with acting_as("sealer"):
        number = Event.objects.order_by("-id").values_list("id", flat=True)[0]
        seal = Seal.objects.get()
    tamper(
        "INSERT INTO audit_sealedevent (event_id, seal_id, position) VALUES (%s, %s, 9)",
        number,
        seal.pk,
    )
    assert "added" in finding().kind
    assert finding().event == number


@pytest.mark.parametrize("column", ["count", "merkle_root", "sealed_at", "mac"])
def test_a_changed_seal_is_noticed(trail: list[int], column: str) -> None:
    value = {"count": "4", "sealed_at": "now()"}.get(column, "sha256('x')")
    tamper(f"UPDATE audit_seal SET {column} = {value}")
    assert "changed" in finding().kind


def test_a_removed_seal_is_noticed(trail: list[int], administrator: Any) -> None:
    with clinic_context(administrator.clinic_id):
        audit.viewed_audit(administrator, filters={}, shown=0)
    with acting_as("sealer"):
        sealer.seal_once()
    tamper("DELETE FROM audit_sealedevent WHERE seal_id = (SELECT min(id) FROM audit_seal)")
    tamper("DELETE FROM audit_seal WHERE number = 1")
    assert "removed" in finding().kind


def test_an_event_that_stays_unsealed_fails(administrator: Any) -> None:
    late, newer = look(administrator), look(administrator)
    tamper("UPDATE audit_event SET at = at - interval '2 minutes' WHERE id = %s", late)
    found = finding()
    assert "not been sealed" in found.kind
    assert found.event == late < newer


def test_an_event_of_the_future_hides_no_other(administrator: Any) -> None:
    future, late = look(administrator), look(administrator)
    tamper("UPDATE audit_event SET at = '2099-01-01' WHERE id = %s", future)
    assert "future" in finding().kind
    assert finding().event == future
    tamper("UPDATE audit_event SET at = at - interval '2 minutes' WHERE id = %s", late)
    assert "not been sealed" in finding().kind
    assert finding().event == late


@pytest.mark.parametrize("role", ["web", "worker"])
@pytest.mark.parametrize(
    "off", [timedelta(minutes=-2), timedelta(minutes=2), timedelta(days=30000)]
)
def test_nobody_writes_an_event_of_another_time(
    administrator: Any, role: str, off: timedelta
) -> None:
    forged = record.event(administrator, "audit.viewed")
    forged.at = timezone.now() + off
    forged.mac = record.sign(forged).mac
    with (
        pytest.raises(DatabaseError, match="when it happens"),
        clinic_context(administrator.clinic_id),
        acting_as(role),
    ):
        record.write([forged])
    with acting_as("sealer"):
        assert not Event.objects.exists()


@pytest.mark.parametrize("role", ["web", "worker"])
def test_an_event_of_a_past_transaction_is_sealed_all_the_same(
    trail: list[int], administrator: Any, role: str
) -> None:
    forged = record.event(administrator, "audit.viewed")
    forged.xid = 3
    with clinic_context(administrator.clinic_id), acting_as(role):
        record.write([forged])
    with acting_as("sealer"):
        assert Event.objects.latest("id").xid > 3
        assert sealer.seal_once() == 1
        assert verify().finding is None


@pytest.mark.parametrize("role", ["web", "worker"])
def test_nobody_takes_a_number_that_is_still_to_come(administrator: Any, role: str) -> None:
    forged = record.event(administrator, "audit.viewed")
    forged.pk = 10_000_000
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        clinic_context(administrator.clinic_id),
        acting_as(role),
    ):
        forged.save(force_insert=True)
    with acting_as("sealer"):
        assert not Event.objects.exists()


def test_seals_form_one_line_for_each_clinic(administrator: Any, stranger: Any) -> None:
    for actor in (administrator, stranger, administrator):
        with clinic_context(actor.clinic_id):
            audit.viewed_audit(actor, filters={}, shown=0)
        with acting_as("sealer"):
            sealer.seal_once()
    with acting_as("sealer"):
        lines = Seal.objects.order_by("clinic_id", "number").values_list("clinic_id", "number")
        assert sorted(number for clinic, number in lines if clinic == stranger.clinic_id) == [1]
        assert sorted(n for clinic, n in lines if clinic == administrator.clinic_id) == [1, 2]
        assert verify().finding is None
        assert SealedEvent.objects.count() == 3


def test_an_open_transaction_holds_the_seal_back_and_is_not_skipped(administrator: Any) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            with clinic_context(administrator.clinic_id):
                audit.viewed_audit(administrator, filters={}, shown=0)
            with acting_as("sealer"):
                assert sealer.seal_once() == 0
            cursor.execute("COMMIT")
        with acting_as("sealer"):
            assert sealer.seal_once() == 1
    finally:
        other.close()


def test_only_one_sealer_works(db: None) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [sealer.SEALER_LOCK])
            with pytest.raises(sealer.AnotherSealer):
                sealer.lock()
            cursor.execute("SELECT pg_advisory_unlock(%s)", [sealer.SEALER_LOCK])
    finally:
        other.close()
    sealer.lock()
    sealer.unlock()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_a_merkle_path_leads_to_the_root_from_every_leaf(size: int) -> None:
    leaves = [bytes([n]) * 32 for n in range(size)]
    root = content.merkle_root(leaves)
    for position, leaf in enumerate(leaves):
        assert content.root_from_path(leaf, content.merkle_path(leaves, position)) == root
        wrong = b"\xff" * 32
        assert content.root_from_path(wrong, content.merkle_path(leaves, position)) != root


def test_who_looked_is_written_whole(technician: Any) -> None:
    patient = factories.patient(technician, consent=False)
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.registered")
    assert event.patient_id == patient.pk
    assert event.actor_id == factories.user(technician).pk
    assert (event.role, event.address, event.purpose) == ("technician", "192.0.2.1", "TREAT")
    assert event.request_id == technician.request_id
    assert patient.family_name not in str(event.detail)
