"""What the database alone cannot tell: its end cut off, an old backup restored, a line replaced."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from dermaclinic.audit import anchors, sealer
from dermaclinic.audit.anchor_stores import FileStore
from dermaclinic.audit.content import canonical
from dermaclinic.audit.keyring import event_keys
from dermaclinic.audit.models import Anchor
from tests import database
from tests.audit import trails
from tests.audit.trails import Trail, attack, finding
from tests.database import acting_as

pytestmark = pytest.mark.django_db

Kept = tuple[Trail, Path]


@pytest.fixture(scope="module")
def laid(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """A trail anchored twice, the second time with one more seal."""
    path = tmp_path_factory.mktemp("anchors") / "audit.jsonl"
    with django_db_blocker.unblock():
        database.empty()
        trail = trails.lay(path)
        trails.look(trail.clinic)
        assert trails.seal() == 1
        assert trails.anchor(path) == 2
        yield trail, path
        database.empty()


@pytest.fixture
def kept(laid: Kept, tmp_path: Path, settings: LazySettings) -> Kept:
    """With a copy of the anchor that a test may spoil."""
    trail, original = laid
    path = tmp_path / "audit.jsonl"
    path.write_bytes(original.read_bytes())
    settings.AUDIT_ANCHOR = str(path)
    return trail, path


CUT = """
    WITH gone AS (DELETE FROM audit_seal WHERE clinic_id = %s AND number >= %s RETURNING id),
         members AS (DELETE FROM audit_sealedevent WHERE seal_id IN (SELECT id FROM gone)
                     RETURNING event_id)
    DELETE FROM audit_event WHERE id IN (SELECT event_id FROM members)
"""


def test_an_untouched_anchor_agrees(kept: Kept) -> None:
    assert finding() is None
    with acting_as("sealer"):
        assert anchors.Comparison(4, None) == anchors.compare({})


@pytest.mark.parametrize("number", [2, 3])
def test_a_cut_off_end_is_named(kept: Kept, number: int) -> None:
    trail, _path = kept
    with attack() as cursor:
        cursor.execute(CUT, [trail.clinic.clinic_id, number])
        found = finding()
    assert "cut off" in found.kind
    assert (found.clinic, found.seal) == (trail.clinic.clinic_id, number)


def test_without_the_anchor_nobody_would_know(kept: Kept, settings: LazySettings) -> None:
    trail, _path = kept
    settings.AUDIT_ANCHOR = ""
    with attack() as cursor:
        cursor.execute(CUT, [trail.clinic.clinic_id, 3])
        assert finding() is None


def test_an_old_backup_is_named_although_the_database_forgot_its_anchors(kept: Kept) -> None:
    trail, _path = kept
    with attack() as cursor:
        cursor.execute(CUT, [trail.clinic.clinic_id, 3])
        cursor.execute("DELETE FROM audit_anchor WHERE number > 2")
        found = finding()
    assert "old backup" in found.kind
    assert (found.clinic, found.seal) == (trail.clinic.clinic_id, 3)


def test_an_end_sealed_anew_is_named(kept: Kept) -> None:
    """By somebody who has the sealing key, or by a sealer that went on after the restore."""
    trail, _path = kept
    with attack() as cursor:
        cursor.execute(CUT.replace("DELETE FROM audit_event", "SELECT FROM audit_event"),
                       [trail.clinic.clinic_id, 3])  # fmt: skip
        with acting_as("sealer"):
            assert sealer.seal_once(everything=True) == 1
        found = finding()
    assert "is not the one that was anchored" in found.kind
    assert (found.clinic, found.seal) == (trail.clinic.clinic_id, 3)


def rewritten(lines: list[bytes]) -> list[bytes]:
    """The third line tells another seal, signed with a key that is not the sealer's."""
    line = anchors._read(lines[2])
    forged = line._replace(seal=9, mac="")
    return [*lines[:2], forged._replace(mac=event_keys().sign(forged.content()).hex()).text(),
            lines[3]]  # fmt: skip


def changed(name: str, value: Any) -> Callable[[list[bytes]], list[bytes]]:
    def spoil(lines: list[bytes]) -> list[bytes]:
        return [*lines[:2], canonical(json.loads(lines[2]) | {name: value}), lines[3]]

    return spoil


SPOILT: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str, int]] = {
    **{
        f"another {name}": (changed(name, value), "changed", 3)
        for name, value in {
            "at": "2026-01-01T00:00:00+00:00",
            "clinic": None,
            "seal": 1,
            "seal_mac": "00" * 32,
            "previous": "00" * 32,
            "number": 7,
            "mac": "00" * 32,
            "key": "old",
        }.items()
        if name != "number"
    },
    "another number": (changed("number", 7), "changed", 7),
    "another form": (changed("form", 2), "cannot be read", 3),
    "a forged line": (rewritten, "changed", 3),
    "half a line": (lambda x: [*x[:2], x[2][:50], x[3]], "cannot be read", 3),
    "a line less in the middle": (lambda x: [x[0], *x[2:]], "continue", 3),
    "the first line gone": (lambda x: x[1:], "continue", 2),
    "the last line gone": (lambda x: x[:3], "removed", 4),
    "an older copy": (lambda x: x[:2], "removed", 3),
    "exchanged lines": (lambda x: [x[0], x[2], x[1], x[3]], "continue", 3),
    "a line twice": (lambda x: [*x, x[3]], "continue", 4),
    "nothing": (lambda x: [], "removed", 1),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_anchor_is_named(kept: Kept, name: str) -> None:
    spoil, kind, number = SPOILT[name]
    _trail, path = kept
    path.write_bytes(b"".join(line + b"\n" for line in spoil(path.read_bytes().splitlines())))
    found = finding()
    assert kind in found.kind
    assert found.anchor == number
    assert (found.seal, found.event) == (None, None)
    assert f"line {number} of the anchor" in str(found)


def test_an_anchor_made_anew_with_the_sealing_key_is_named(kept: Kept) -> None:
    """The database remembers what was written."""
    _trail, path = kept
    path.unlink()
    with attack() as cursor:
        cursor.execute("CREATE TEMP TABLE was ON COMMIT DROP AS SELECT * FROM audit_anchor")
        cursor.execute("DELETE FROM audit_anchor")
        trails.anchor(path)
        cursor.execute("DELETE FROM audit_anchor")
        cursor.execute("INSERT INTO audit_anchor SELECT * FROM was")
        found = finding()
    assert (found.kind, found.anchor) == ("the anchor's line is not the one that was written", 1)


def test_lines_that_a_crash_left_unknown_to_the_database_are_continued(kept: Kept) -> None:
    _trail, path = kept
    with attack() as cursor:
        cursor.execute("DELETE FROM audit_anchor WHERE number > 2")
        assert finding() is None
        trails.anchor(path)
        assert finding() is None
        with acting_as("sealer"):
            assert set(Anchor.objects.values_list("number", flat=True)) == {1, 2, 5, 6}


def test_the_day_is_anchored_once(kept: Kept) -> None:
    with acting_as("sealer"):
        assert not anchors.due()
        assert anchors.due(timezone.now() + timedelta(days=1))


def test_a_file_takes_lines_behind_one_that_a_crash_cut(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "anchors" / "audit.jsonl")
    assert store.lines() == []
    store.append([b"one"])
    with open(store.path, "ab") as file:
        file.write(b"tw")
    store.append([b"three", b"four"])
    assert store.lines() == [b"one", b"tw", b"three", b"four"]
    assert store.path.stat().st_mode & 0o777 == 0o600
