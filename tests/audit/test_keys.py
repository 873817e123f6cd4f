"""Keys that sign events and seals may be exchanged; what stands stays verifiable."""

import base64
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from dermaclinic.audit import content, keyring
from dermaclinic.audit.keyring import KeyMissing, parse
from dermaclinic.audit.models import Event, Seal
from dermaclinic.audit.verify import prove
from tests.audit.trails import attack, finding, look, seal
from tests.database import acting_as


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is not set"),
        ("a:" + base64.b64encode(b"short").decode(), "fewer than 32"),
        (f"a:{key('a')},a:{key('b')}", "unique"),
        (f":{key('a')}", "id:base64"),
        ("a:#", "not base64"),
        (f"{'long' * 6}:{key('a')}", "short"),
    ],
)
def test_a_ring_that_is_wrong_says_so_without_the_key(text: str, what: str) -> None:
    with pytest.raises(KeyMissing, match=what) as raised:
        parse("AUDIT_EVENT_KEY", text)
    assert key("a") not in str(raised.value)


def test_the_first_key_signs_and_all_verify() -> None:
    old = parse("X", key("o"))
    both = parse("X", f"2027:{key('n')}, 1:{key('o')}")
    assert (old.current, both.current) == ("1", "2027")
    assert both.verifies("1", b"said", old.sign(b"said"))
    assert both.verifies("2027", b"said", both.sign(b"said"))
    assert not both.verifies("1", b"said", both.sign(b"said"))
    assert not both.verifies("2028", b"said", both.sign(b"said"))


@pytest.mark.django_db(transaction=True)
def test_a_rotation_leaves_everything_verifiable(
    administrator: Any, settings: LazySettings
) -> None:
    look(administrator, 2)
    seal()
    settings.AUDIT_EVENT_KEY = f"e2:{key('f')},1:{key('e')}"
    look(administrator, 1)
    seal()
    settings.AUDIT_SEAL_KEY = f"s2:{key('t')},1:{key('s')}"
    look(administrator, 1)
    seal()
    with acting_as("sealer"):
        assert list(Seal.objects.order_by("number").values_list("key_id", flat=True)) == [
            "1", "1", "s2",
        ]  # fmt: skip
        found = list(Event.objects.order_by("id"))
        assert [each.key_id for each in found] == ["1", "1", "e2", "e2"]
        assert all(prove(each) for each in found)
    assert finding() is None


@pytest.mark.django_db(transaction=True)
def test_a_key_thrown_away_is_named(administrator: Any, settings: LazySettings) -> None:
    (number,) = look(administrator)
    seal()
    settings.AUDIT_EVENT_KEY = f"e2:{key('f')}"
    found = finding()
    assert (found.event, "AUDIT_EVENT_KEY lacks the key '1'" in found.kind) == (number, True)
    settings.AUDIT_SEAL_KEY = f"s2:{key('t')}"
    found = finding()
    assert (found.seal, "AUDIT_SEAL_KEY lacks the key '1'" in found.kind) == (1, True)


def test_the_sealers_ring_is_not_the_writers() -> None:
    said = b"said"
    assert keyring.event_keys().sign(said) != keyring.seal_keys().sign(said)


@pytest.mark.django_db(transaction=True)
def test_seals_of_the_first_form_still_verify(
    administrator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand in databases from before keys had ids: without leaves of their own."""
    numbers = look(administrator, 3)
    with monkeypatch.context() as former:
        former.setattr("dermaclinic.audit.sealer.FORM", content.FIRST_FORM)
        former.setattr(
            "dermaclinic.audit.sealer.leaf", lambda event: content.leaf(event, content.FIRST_FORM)
        )
        seal()
    with connection.cursor() as cursor, acting_as("owner"):
        cursor.execute("ALTER TABLE audit_sealedevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_sealedevent SET leaf = NULL")
        cursor.execute("ALTER TABLE audit_sealedevent ENABLE TRIGGER USER")
    look(administrator)
    seal()
    assert finding() is None
    with attack() as cursor:
        cursor.execute("UPDATE audit_event SET role = 'x' WHERE id = %s", [numbers[1]])
        assert finding().event == numbers[1]
