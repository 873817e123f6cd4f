"""Merging knows every table: one that is new is noticed here, not by a clinic."""

from typing import Any

import pytest
from django.db import connection

from patients.merging import words
from patients.merging.sql import STAYS

pytestmark = pytest.mark.django_db

# Triggers before an UPDATE that let a move through by what they ask, and what that is.
LET_THROUGH = {
    "imaging_instance_web_changes": "the web role alone",
    "reports_report_pdf": "the web role alone",
    "reports_secondreading_web_changes": "the web role alone",
    "reports_secondreading_by_another": "a change of the reader",
    "reports_secondreading_stays": "a change of what was read",
}
# Unique over a patient's rows: what two records may both have, and how that is settled.
UNIQUE = {
    "lesion_number_is_unique": "the moved lesions get the next numbers",
    "same_bytes_once_per_patient": "the second image is a twin",
    "held_once_per_patient": "stands in the way (imaging/merging.py)",
}


def rows(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def names(sql: str, *params: Any) -> set[str]:
    return {row[0] for row in rows(sql, *params)}


def moving() -> list[str]:
    return sorted(names("SELECT patients_moving_tables()"))


def test_the_database_and_the_models_name_the_same_tables() -> None:
    assert moving() == sorted(words.models())
    assert len(moving()) >= 8
    # What has a patient and does not move: who somebody is, and the audit, which is never moved.
    there = names(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE a.attname = 'patient_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') "
        "AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
    )
    assert there - set(moving()) == {*STAYS, "audit_event", "audit_flagreview"}


def test_every_table_that_moves_has_words() -> None:
    for table in moving():
        [line] = words.counted({table: 1})
        assert line.startswith("1 ")
        assert line != f"1 {table}"


def test_a_closed_record_is_guarded_in_every_table() -> None:
    guarded = names(
        "SELECT tgrelid::regclass::text FROM pg_trigger "
        "WHERE tgfoid = 'patients_of_open_record'::regproc"
    )
    assert guarded == {*moving(), *STAYS}


def test_every_tie_to_the_patient_waits_for_the_end_of_a_merge() -> None:
    ties = rows(
        "SELECT tie, condeferrable, condeferred FROM patients_tied() "
        "JOIN pg_constraint ON conname = tie"
    )
    assert len(ties) >= 8
    assert [tie for tie, can_wait, _waits in ties if not can_wait] == []
    assert [tie for tie, _can_wait, waits in ties if waits] == [], "it holds at once otherwise"


def test_every_trigger_on_an_update_lets_a_move_through() -> None:
    refusing = rows(
        "SELECT tgname, pg_get_triggerdef(t.oid), prosrc FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal AND tgtype & 16 > 0 "
        "AND tgtype & 2 > 0 AND tgtype & 1 > 0 AND tgrelid::regclass::text = ANY (%s)",
        moving(),
    )
    assert len(refusing) > len(moving())
    unknown = {
        name
        for name, definition, source in refusing
        if "patients_only_moves" not in definition and "patients_merging" not in definition + source
    }
    assert unknown == set(LET_THROUGH), "write `merges` or `movable_when` (merging/sql.py)"


def test_what_is_unique_for_a_patient_is_settled() -> None:
    found = names(
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attname = 'patient_id' "
        "WHERE x.indisunique AND a.attnum = ANY (x.indkey) "
        "AND x.indrelid::regclass::text = ANY (%s) "
        # An id is unique already: these only carry the composite foreign keys.
        "AND NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = x.indrelid "
        "AND k.attname = 'id' AND k.attnum = ANY (x.indkey))",
        moving(),
    )
    assert found == set(UNIQUE)
