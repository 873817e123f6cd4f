"""The pathologist's result: recorded by doctors, never changed, of its own clinic and patient."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import record as audit_record
from dermaclinic.audit.models import Event
from dermaclinic.errors import Forbidden, Invalid, NotFound
from reports.models import Histology
from reports.selectors import histology
from reports.services.histology import record_histology
from tests import factories
from tests.database import acting_as
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def denials(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What was written past any rollback, instead of through a second connection."""
    written: list[Event] = []
    monkeypatch.setattr(audit_record, "write_past_rollback", written.append)
    return written


@pytest.fixture
def lesion(doctor: Any) -> Any:
    return factories.lesion(doctor, factories.patient(doctor))


def record(doctor: Any, lesion: Any, **changes: Any) -> Histology:
    fields = {"diagnosis": scenes.MELANOMA, "reported_on": timezone.localdate()} | changes
    return record_histology(actor=doctor, lesion_id=lesion.pk, **fields)


def test_a_result_and_who_recorded_it(doctor: Any, lesion: Any) -> None:
    made = record(doctor, lesion)
    found = histology(doctor, lesion.pk)
    assert found.result == made
    assert (made.version, made.patient_id, made.author) == (1, lesion.patient_id, doctor.user)
    assert scenes.events(doctor, "histology.recorded", object_id=str(made.pk)) == 1
    assert scenes.events(doctor, "histology.viewed", patient_id=lesion.patient_id) == 1


def test_the_same_once_more_is_one(doctor: Any, lesion: Any) -> None:
    assert record(doctor, lesion) == record(doctor, lesion)
    assert scenes.count(doctor, Histology) == 1


def test_a_correction_is_a_new_version_with_its_reason(doctor: Any, lesion: Any) -> None:
    first = record(doctor, lesion)
    with pytest.raises(Invalid) as refused:
        record(doctor, lesion, diagnosis=scenes.NEVUS)
    assert list(refused.value.errors) == ["reason"]
    second = record(doctor, lesion, diagnosis=scenes.NEVUS, reason="Second reading.")
    found = histology(doctor, lesion.pk)
    assert (found.result, found.versions) == (second, [second, first])


def test_taking_a_result_back_leaves_none(doctor: Any, lesion: Any) -> None:
    record(doctor, lesion)
    back = record(doctor, lesion, diagnosis="", reason="Another lesion's.")
    found = histology(doctor, lesion.pk)
    assert (found.result, found.former) == (None, back)
    with pytest.raises(Invalid):
        record(doctor, lesion, diagnosis="", reason="Once more.")
    assert scenes.count(doctor, Histology) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"diagnosis": "1234"}, "diagnosis"),
        ({"diagnosis": ""}, "diagnosis"),
        ({"reported_on": timezone.localdate() + timedelta(days=1)}, "reported_on"),
        ({"reported_on": date(1969, 12, 31)}, "reported_on"),
    ],
)
def test_what_cannot_be(doctor: Any, lesion: Any, changes: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        record(doctor, lesion, **changes)
    assert list(refused.value.errors) == [field]
    assert scenes.count(doctor, Histology) == 0


def test_technicians_look_but_do_not_record(
    technician: Any, doctor: Any, lesion: Any, denials: list[Event]
) -> None:
    with pytest.raises(Forbidden):
        record(technician, lesion)
    assert scenes.count(doctor, Histology) == 0
    assert [(each.action, each.role) for each in denials] == [("access.denied", "technician")]
    record(doctor, lesion)
    assert histology(technician, lesion.pk).result is not None


def test_administrators_see_none(administrator: Any, lesion: Any) -> None:
    with pytest.raises(Forbidden):
        histology(administrator, lesion.pk)


def test_another_clinics_lesion_is_not_there(
    stranger: Any, doctor: Any, lesion: Any, denials: list[Event]
) -> None:
    record(doctor, lesion)
    for ask in (record, lambda actor, each: histology(actor, each.pk)):
        with pytest.raises(NotFound):
            ask(stranger, lesion)
    assert [each.action for each in denials] == ["access.not_found"] * 2
    assert {each.clinic_id for each in denials} == {stranger.clinic_id}
    assert (scenes.count(doctor, Histology), scenes.count(stranger, Histology)) == (1, 0)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE reports_histology SET diagnosis = '400010006'",
        "DELETE FROM reports_histology",
        "TRUNCATE reports_histology",
    ],
)
def test_nothing_recorded_is_changed(doctor: Any, lesion: Any, sql: str) -> None:
    made = record(doctor, lesion)
    with clinic_context(doctor.clinic_id):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
        assert Histology.objects.get() == made
        assert Histology.objects.get().diagnosis == scenes.MELANOMA


@pytest.mark.parametrize(
    "sql", ["UPDATE reports_histology SET reason = 'x'", "DELETE FROM reports_histology"]
)
def test_not_by_the_owner_either(doctor: Any, lesion: Any, sql: str) -> None:
    record(doctor, lesion)
    with (
        pytest.raises(DatabaseError, match="a result is never changed"),
        clinic_context(doctor.clinic_id),
        acting_as("owner"),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


INSERT = (
    "INSERT INTO reports_histology (id, clinic_id, patient_id, lesion_id, version, diagnosis, "
    "reported_on, reason, author_id, recorded_at) "
    "VALUES (gen_random_uuid(), %s, %s, %s, 1, '93655004', now(), '', %s, now())"
)


def test_a_row_belongs_to_one_clinic_and_patient(doctor: Any, stranger: Any, lesion: Any) -> None:
    other = factories.patient(doctor)
    theirs = factories.lesion(stranger, factories.patient(stranger))
    person = factories.user(doctor).pk
    wrong = [
        ((stranger.clinic_id, theirs.patient_id, theirs.pk, person), "row-level security"),
        ((doctor.clinic_id, other.pk, lesion.pk, person), "lesion_id_same"),
        ((doctor.clinic_id, theirs.patient_id, theirs.pk, person), "lesion_id_same"),
    ]
    for row, match in wrong:
        with (
            pytest.raises(DatabaseError, match=match),
            clinic_context(doctor.clinic_id),
            connection.cursor() as cursor,
        ):
            cursor.execute(INSERT, row)
    assert (scenes.count(doctor, Histology), scenes.count(stranger, Histology)) == (0, 0)


def test_each_clinic_sees_its_own(doctor: Any, stranger: Any, lesion: Any) -> None:
    record(doctor, lesion)
    with clinic_context(stranger.clinic_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reports_histology")
        assert cursor.fetchone() == (0,)
