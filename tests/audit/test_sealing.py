"""Two sealers, a sealer killed in the middle, a clock that goes back, several processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings as fuzz, strategies as st

from dermaclinic.audit import content, sealer, verify
from dermaclinic.audit.checking import Finding
from dermaclinic.audit.models import Event, Seal, SealedEvent
from tests.audit.trails import attack, finding, look, seal
from tests.database import acting_as

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def another_session() -> Iterator[Any]:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def test_a_second_sealer_stands_by(administrator: Any) -> None:
    look(administrator)
    with another_session() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [sealer.SEALER_LOCK])
        with acting_as("sealer"), pytest.raises(CommandError, match="Another sealer"):
            call_command("seal_audit")
        with acting_as("sealer"):
            assert not Seal.objects.exists()
        cursor.execute("SELECT pg_advisory_unlock(%s)", [sealer.SEALER_LOCK])
    with acting_as("sealer"):
        call_command("seal_audit", stdout=StringIO())
        assert SealedEvent.objects.count() == 1
    assert finding() is None


def test_a_sealer_killed_in_the_middle_leaves_nothing_and_the_next_one_takes_over(
    administrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = look(administrator, 3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = cursor.fetchone()[0]

    def dies(*_: Any, **__: Any) -> None:
        """The seal is written, its events' places are not."""
        with another_session() as cursor:
            cursor.execute("SET ROLE NONE")
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
        connection.cursor().execute("SELECT 1")

    with monkeypatch.context() as patched:
        patched.setattr(SealedEvent.objects, "bulk_create", dies)
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SET ROLE dermaclinic_sealer")
            sealer.lock()
            sealer.seal_once()
    connection.close()
    with acting_as("sealer"):
        assert not Seal.objects.exists()
        sealer.lock()  # the dead session's lock went with it
        assert sealer.seal_once() == 3
        sealer.unlock()
        sealed = SealedEvent.objects.order_by("position").values_list("event_id", flat=True)
        assert list(sealed) == numbers
    assert finding() is None


def test_a_sealers_clock_may_go_back(administrator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = look(administrator)
    seal()
    numbers += look(administrator)
    past = timezone.now() - timedelta(days=2)
    with monkeypatch.context() as patched:
        patched.setattr("dermaclinic.audit.sealer.timezone.now", lambda: past)
        assert seal() == 1
    numbers += look(administrator)
    assert seal() == 1
    with acting_as("sealer"):
        ordered = SealedEvent.objects.order_by("seal__number", "position")
        assert list(ordered.values_list("event_id", flat=True)) == numbers
    assert finding() is None


def test_several_processes_find_the_same_first_thing(
    administrator: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seals = [look(actor, 2) for actor in (administrator, stranger) * 2 if seal() is not None]
    seal()
    monkeypatch.setattr(verify, "STRETCH", 2)
    with acting_as("sealer"):
        whole = verify.verify(processes=2)
        assert (whole.events, whole.seals, whole.finding) == (8, 4, None)
    numbers = [each for made in seals for each in made]
    with connection.cursor() as cursor, acting_as("owner"):
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET role = 'x' WHERE id = ANY(%s)", [numbers[3::2]])
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    expected = Finding("the event was changed", stranger.clinic_id, 1, numbers[3])
    assert finding(processes=2) == finding(processes=1) == expected


def test_a_seal_missing_between_two_stretches_is_named(
    administrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        look(administrator)
        seal()
    monkeypatch.setattr(verify, "STRETCH", 1)
    with attack() as cursor:
        cursor.execute("DELETE FROM audit_sealedevent WHERE event_id = (SELECT min(id) + 1 FROM "
                       "audit_event)")  # fmt: skip
        cursor.execute("DELETE FROM audit_seal WHERE number = 2")
        found = finding()
    assert (found.kind, found.seal) == ("the seal before it was removed", 3)


def test_the_command_says_what_it_saw(administrator: Any, settings: LazySettings) -> None:
    (number,) = look(administrator)
    with acting_as("sealer"), pytest.raises(CommandError, match="no sealed event"):
        call_command("verify_audit", prove=number)
    seal()
    look(administrator)
    out, err = StringIO(), StringIO()
    with acting_as("sealer"):
        call_command("verify_audit", processes=1, stdout=out, stderr=err)
        call_command("verify_audit", prove=number, stdout=out)
    assert "1 events under 1 seals are intact; 1 wait to be sealed" in out.getvalue()
    assert f"Event {number} is in seal 1" in out.getvalue()
    assert "no anchor" in err.getvalue()
    with attack() as cursor:
        cursor.execute("UPDATE audit_event SET role = 'x' WHERE id = %s", [number])
        with acting_as("sealer"), pytest.raises(CommandError, match=f"broken at event {number} "):
            call_command("verify_audit", processes=1)
        with acting_as("sealer"), pytest.raises(CommandError, match="not the one that was sealed"):
            call_command("verify_audit", prove=number)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
details = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts | st.floats(0.001, 1000.0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@fuzz(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(texts, details, max_size=4))
def test_a_detail_is_the_same_after_the_database_had_it(detail: dict[str, Any]) -> None:
    """PostgreSQL writes JSON in its own order and spacing; the signed form does not notice."""
    from json import dumps, loads

    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::jsonb)::text", [dumps(detail)])
        kept = loads(cursor.fetchone()[0])
    assert content.canonical(kept) == content.canonical(detail)


def test_an_address_has_one_spelling(administrator: Any) -> None:
    for given_, kept in (("2001:DB8:0:0::1", "2001:db8::1"), ("192.0.2.1", "192.0.2.1")):
        assert content.normal_address(given_) == kept
    with acting_as("sealer"):
        assert not Event.objects.exists()
