"""A partition for each month: as closed as the whole, made ahead, and made from what there was."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from dermaclinic.audit import partitions
from dermaclinic.audit.models import Event
from tests import database
from tests.audit import trails
from tests.audit.trails import Trail, attack, finding
from tests.database import acting_as

pytestmark = pytest.mark.django_db
ROLES = ("web", "worker", "sealer")


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


PARTS = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'audit_event'::regclass ORDER BY 1
"""


def parts() -> list[str]:
    return [name for (name,) in rows(PARTS)]


@pytest.fixture(scope="module")
def trail(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Trail]:
    folder: Path = tmp_path_factory.mktemp("anchors")
    with django_db_blocker.unblock():
        database.empty()
        yield trails.lay(folder / "audit.jsonl")
        database.empty()


def test_an_event_stands_in_its_month(trail: Trail) -> None:
    with acting_as("sealer"):
        found = rows(
            "SELECT DISTINCT tableoid::regclass::text, to_char(at AT TIME ZONE 'UTC', "
            '\'"audit_event_y"YYYY"m"MM\') FROM audit_event'
        )
    assert found
    assert all(part == month for part, month in found)


def test_no_role_reaches_a_partition_past_the_whole(trail: Trail) -> None:
    assert len(parts()) >= 2 + partitions.AHEAD
    rights = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
    for part in parts():
        for role in ROLES:
            ((may,),) = rows(
                "SELECT has_table_privilege(%s, %s, %s)", f"dermaclinic_{role}", part, rights
            )
            assert not may, (role, part)
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            rows(f"SELECT * FROM {part}")
        ((walled,),) = rows("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", part)
        assert walled, part


@pytest.mark.parametrize(
    "what",
    ["UPDATE {} SET role = ''", "DELETE FROM {}", "TRUNCATE {}"],
)
def test_a_partition_is_append_only_even_for_its_owner(trail: Trail, what: str) -> None:
    full = next(part for part in parts() if part != "audit_event_default")
    with (
        pytest.raises(DatabaseError, match="never changed"),
        transaction.atomic(),
        acting_as("owner"),
        connection.cursor() as cursor,
    ):
        cursor.execute(what.format(full))


def test_every_partition_has_the_triggers(trail: Trail) -> None:
    found = rows(
        "SELECT tgrelid::regclass::text, array_agg(tgname::text ORDER BY tgname) FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s) GROUP BY 1",
        parts(),
    )
    expected = ["audit_event_append_only", "audit_event_is_of_now", "audit_event_no_truncate"]
    assert dict(found) == dict.fromkeys(parts(), expected)


def test_months_are_made_ahead_and_once(trail: Trail) -> None:
    before = parts()
    with attack(), acting_as("worker"):
        assert partitions.make() == (0, 0)
        assert partitions.make(ahead=partitions.AHEAD + 2) == (2, 0)
        assert partitions.make(ahead=partitions.AHEAD + 2) == (0, 0)
        made = set(parts()) - set(before)
        assert len(made) == 2
        test_every_partition_has_the_triggers(trail)
    assert parts() == before


def test_others_make_none(trail: Trail) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        partitions.make()
    with (
        pytest.raises(DatabaseError, match="between 0 and 24"),
        transaction.atomic(),
        acting_as("worker"),
    ):
        partitions.make(ahead=25)


def test_what_found_no_month_is_reported_and_still_verified(trail: Trail) -> None:
    with attack() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE moved ON COMMIT DROP AS SELECT * FROM audit_event WHERE id = %s",
            [trail.second[0]],
        )
        cursor.execute("UPDATE moved SET at = at + interval '5 years', id = id + 1000")
        cursor.execute("INSERT INTO audit_event SELECT * FROM moved")
        with acting_as("worker"):
            assert partitions.make() == (0, 1)
        found = finding()
    assert "future" in found.kind
    assert found.event == trail.second[0] + 1000


def test_the_migration_moves_rows_and_keeps_their_seals(trail: Trail) -> None:
    """The old table stands in a schema of its own; the migration's steps run there."""
    steps = importlib.import_module("dermaclinic.audit.migrations.0004_partitions")
    with attack() as cursor:
        cursor.execute(
            "CREATE SCHEMA former; SET LOCAL search_path = former, public;"
            "CREATE TABLE former.audit_event (LIKE public.audit_event INCLUDING DEFAULTS);"
            "ALTER TABLE former.audit_event ALTER id DROP DEFAULT,"
            " ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 500);"
            "INSERT INTO former.audit_event SELECT * FROM public.audit_event;"
            "GRANT USAGE ON SCHEMA former TO dermaclinic_sealer;"
        )
        cursor.execute(steps.TABLE)
        cursor.execute("GRANT SELECT ON former.audit_event TO dermaclinic_sealer")
        cursor.execute(
            "CREATE POLICY seal ON former.audit_event TO dermaclinic_sealer USING (true)"
        )
        cursor.execute("SELECT count(*) FROM former.audit_event")
        assert cursor.fetchone() == (10,)
        cursor.execute("SELECT nextval('former.audit_event_id_seq')")
        assert cursor.fetchone() == (500,)
        assert finding() is None
        cursor.execute("DELETE FROM former.audit_event WHERE id = %s", [trail.first[3]])
        assert finding().event == trail.first[3]  # it was the moved rows that were verified


def test_numbers_go_on_and_are_given_by_the_database(trail: Trail) -> None:
    (number,) = trails.look(trail.clinic)
    with acting_as("sealer"):
        assert number == Event.objects.order_by("-id")[0].pk > trail.second[-1]
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows("SELECT setval('audit_event_id_seq', 1)")
