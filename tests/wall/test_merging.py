"""The functions that merge: not outside of one's clinic, and no way to change what stays."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from tests.waiting import wait_until
from tests.wall.conftest import TwoClinics
from tests.wall.roles import REFUSED, connect, count, enter, session, tried

pytestmark = pytest.mark.django_db
MERGE = "SELECT patients_merge_records(%s, %s, %s, %s, 'because', '{}', '[]', '{}', '')"
UNDO = "SELECT patients_undo_merge(%s, %s, %s, 'because')"
RESTRICTED = "23001"  # restrict_violation


def merge_of(clinics: TwoClinics, cursor: Any) -> str:
    scene = clinics.scene
    return tried(
        cursor, MERGE, str(uuid4()), str(scene.patient_id), str(scene.other_id),
        str(scene.doctor.person.pk),
    )  # fmt: skip


def test_records_of_another_clinic_are_not_merged(clinics: TwoClinics) -> None:
    for clinic in (None, clinics.theirs.pk):
        with session("web", clinic) as cursor:
            assert merge_of(clinics, cursor) == REFUSED
            assert count(cursor, "SELECT count(*) FROM patients_merge") == 0
    with session("web", clinics.ours) as cursor:
        assert merge_of(clinics, cursor) == ""


def test_a_merge_of_another_clinic_is_not_undone(clinics: TwoClinics) -> None:
    scene = clinics.scene
    for clinic in (None, clinics.theirs.pk):
        with session("web", clinic) as cursor:
            ended = tried(
                cursor, UNDO, str(uuid4()), str(scene.merge_id), str(scene.doctor.person.pk)
            )
            assert ended == REFUSED
    with session("web", clinics.ours) as cursor:
        params = (str(scene.merge_id), str(scene.doctor.person.pk))
        assert tried(cursor, UNDO, str(uuid4()), *params) == ""
        assert tried(cursor, UNDO, str(uuid4()), *params) == REFUSED, "once"


def test_a_record_of_ours_is_not_merged_with_one_of_theirs(clinics: TwoClinics) -> None:
    with session("web", clinics.theirs.pk) as cursor:
        cursor.execute("SELECT id FROM patients_patient LIMIT 1")
        theirs = str(cursor.fetchone()[0])
    for clinic in (clinics.ours, clinics.theirs.pk):
        with session("web", clinic) as cursor:
            ended = tried(
                cursor, MERGE, str(uuid4()), str(clinics.scene.patient_id), theirs,
                str(clinics.scene.doctor.person.pk),
            )  # fmt: skip
            assert ended == REFUSED


@pytest.mark.parametrize("role", ["worker", "sealer"])
def test_nobody_else_merges(clinics: TwoClinics, role: str) -> None:
    with session(role, clinics.ours) as cursor:
        assert merge_of(clinics, cursor) == REFUSED


CHANGES = [
    ("UPDATE patients_consent SET patient_id = %s", REFUSED),
    ("UPDATE reports_assessment SET patient_id = %s", REFUSED),
    ("UPDATE patients_lesion SET number = 77 WHERE patient_id <> %s", REFUSED),
    ("UPDATE patients_patient SET merged_into_id = %s", REFUSED),
    ("UPDATE patients_merge SET reason = %s", REFUSED),
    ("UPDATE patients_merge SET sealed = convert_to(%s, 'UTF8')", RESTRICTED),
    ("INSERT INTO patients_mergeundo (id) VALUES (%s)", REFUSED),
    ("DELETE FROM patients_merge WHERE id <> %s", REFUSED),
    # The ties cannot be loosened either: whoever defers them is told at the end.
    ("UPDATE imaging_instance SET twin = true WHERE patient_id <> %s", REFUSED),
]


@pytest.mark.parametrize(("sql", "ended"), CHANGES)
def test_to_say_that_one_merges_opens_nothing(clinics: TwoClinics, sql: str, ended: str) -> None:
    """The setting that the functions use is anybody's to set."""
    with session("web", clinics.ours) as cursor:
        cursor.execute("SELECT set_config('app.merging', 'on', true)")
        cursor.execute("SELECT patients_merging()")
        assert cursor.fetchone() == (False,)
        assert tried(cursor, sql, str(clinics.scene.other_id)) == ended


def test_the_ties_hold_at_the_end_for_whoever_defers_them(clinics: TwoClinics) -> None:
    with session("web", clinics.ours) as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            "UPDATE imaging_instance SET patient_id = %s WHERE id = %s",
            [str(clinics.scene.other_id), str(clinics.scene.instance_id)],
        )
        assert tried(cursor, "SET CONSTRAINTS ALL IMMEDIATE") == "23503"  # foreign_key_violation


def test_the_owner_without_a_merge_changes_nothing_either(clinics: TwoClinics) -> None:
    with session("owner") as cursor:
        sql = "UPDATE reports_assessment SET patient_id = %s"
        assert tried(cursor, sql, str(clinics.scene.other_id)) == RESTRICTED


def test_a_merge_changes_the_patient_of_rows_and_nothing_else(clinics: TwoClinics) -> None:
    """What is written once is the same row before and after, but for whose it is."""
    scene = clinics.scene
    tables = ("patients_consent", "reports_assessment", "reports_report", "reports_histology")
    with session("web", clinics.ours) as cursor:
        before = [rows(cursor, table) for table in tables]
        assert any(before)
        ended = tried(
            cursor, MERGE, str(uuid4()), str(scene.other_id), str(scene.patient_id),
            str(scene.doctor.person.pk),
        )  # fmt: skip
        assert ended == ""
        assert [rows(cursor, table) for table in tables] == before
        moved = "SELECT count(*) FROM reports_assessment WHERE patient_id = %s"
        assert count(cursor, moved, str(scene.other_id))
        assert count(cursor, moved, str(scene.patient_id)) == 0


def rows(cursor: Any, table: str) -> set[str]:
    cursor.execute(f"SELECT to_jsonb(r) - 'patient_id' FROM {table} r")
    return {json.dumps(row, sort_keys=True) for (row,) in cursor.fetchall()}


REGISTER = (
    "INSERT INTO patients_patient (id, clinic_id, mrn, family_name, given_name, birth_date, sex, "
    "version, created_at, updated_at) "
    "VALUES (%s, %s, %s, 'Twice', '', '1970-01-01', 'other', 1, now(), now())"
)
AGREE = (
    "INSERT INTO patients_consent (id, clinic_id, patient_id, purpose, granted, recorded_at, "
    "recorded_by_id) VALUES (gen_random_uuid(), %s, %s, 'care', true, now(), %s)"
)
WAITS = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"


@pytest.fixture
def two_at_once(clinics: TwoClinics) -> Iterator[Any]:
    """Two connections of the web role in one clinic, and two records that are really there."""
    with closing(connect("web")) as first, closing(connect("web")) as second:
        survivor, other = str(uuid4()), str(uuid4())
        with first, first.cursor() as cursor:
            enter(cursor, clinics.ours)
            for pk in (survivor, other):
                cursor.execute(REGISTER, [pk, str(clinics.ours), f"twice {pk[:8]}"])
        yield first, second, survivor, other


@pytest.mark.parametrize("merge_first", [True, False])
def test_a_row_that_comes_at_the_same_moment_is_not_lost(
    clinics: TwoClinics, two_at_once: Any, merge_first: bool
) -> None:
    """Either it is refused, or it moves along: none stays behind in a closed record."""
    first, second, survivor, other = two_at_once
    person = str(clinics.scene.doctor.person.pk)
    steps = [
        (MERGE, (str(uuid4()), survivor, other, person)),
        (AGREE, (str(clinics.ours), other, person)),
    ]
    (sql, params), (later, more) = steps if merge_first else reversed(steps)
    with first.cursor() as cursor, second.cursor() as waiting:
        for each in (cursor, waiting):
            enter(each, clinics.ours)
        assert tried(cursor, sql, *params) == ""
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(tried, waiting, later, *more)
            pid = second.get_backend_pid()
            try:
                with session("web") as watching:
                    wait_until(lambda: count(watching, WAITS, pid))
            finally:
                first.commit()  # whoever waits goes on, whatever was found
            assert ended.result(30) == (RESTRICTED if merge_first else "")
        second.commit()
    with session("web", clinics.ours) as cursor:
        answers = "SELECT count(*) FROM patients_consent WHERE patient_id = %s"
        assert count(cursor, answers, other) == 0
        assert count(cursor, answers, survivor) == (0 if merge_first else 1)
