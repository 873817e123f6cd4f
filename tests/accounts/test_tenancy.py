"""The second wall: without a context nothing is asked, and in one only its clinic is seen."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from dermaclinic.accounts.tenancy import (
    NoClinicContext,
    clinic_context,
    current_clinic,
    tenant_tables,
)
from patients.models import Consent, Lesion, Patient
from tests import factories


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_a_query_without_context_raises_before_sql(technician: Any) -> None:
    with pytest.raises(NoClinicContext):
        list(Patient.objects.all())
    with pytest.raises(NoClinicContext):
        Patient.objects.filter(mrn="x").update(mrn="y")


def test_sql_that_evades_the_guard_sees_nothing(technician: Any) -> None:
    factories.patient(technician)
    assert rows("SELECT count(*) FROM ONLY (patients_patient)") == [(0,)]


def test_each_clinic_sees_its_own_rows_only(technician: Any, stranger: Any) -> None:
    ours, theirs = factories.patient(technician), factories.patient(stranger)
    with clinic_context(technician.clinic_id):
        assert set(Patient.objects.values_list("pk", flat=True)) == {ours.pk}
        assert Patient.objects.filter(pk=theirs.pk).update(mrn="stolen") == 0
        assert rows("SELECT id FROM patients_patient") == [(ours.pk,)]
    with clinic_context(stranger.clinic_id):
        assert Patient.objects.get().mrn == theirs.mrn


def test_a_row_of_another_clinic_cannot_be_written(technician: Any, stranger: Any) -> None:
    patient = factories.patient(technician)
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        clinic_context(technician.clinic_id),
    ):
        Consent.objects.create(
            clinic_id=stranger.clinic_id,
            patient=patient,
            purpose="care",
            granted=True,
            recorded_by=technician.user,
        )


def test_a_row_cannot_point_into_another_clinic(technician: Any, stranger: Any) -> None:
    theirs = factories.patient(stranger)
    with (
        pytest.raises(DatabaseError, match="same_clinic_id"),
        clinic_context(technician.clinic_id),
    ):
        Lesion.objects.create(
            clinic_id=technician.clinic_id, patient=theirs, number=1, body_site="back"
        )
        rows("SET CONSTRAINTS ALL IMMEDIATE")


def test_contexts_nest_within_a_clinic_and_never_across(technician: Any, stranger: Any) -> None:
    with clinic_context(technician.clinic_id):
        with clinic_context(technician.clinic_id):
            assert current_clinic() == technician.clinic_id
        with pytest.raises(NoClinicContext), clinic_context(stranger.clinic_id):
            pass
    assert current_clinic() is None


def test_the_context_ends_with_its_block(technician: Any) -> None:
    with clinic_context(technician.clinic_id):
        pass
    assert rows("SELECT current_setting('app.clinic', true)") == [("",)]


def test_an_error_inside_ends_the_context_too(technician: Any) -> None:
    with pytest.raises(ZeroDivisionError), clinic_context(technician.clinic_id):
        _ = 1 / 0
    assert current_clinic() is None
    assert rows("SELECT current_setting('app.clinic', true)")[0][0] in ("", None)


def test_every_table_of_patient_data_has_its_policy(db: None) -> None:
    protected = {
        table
        for (table,) in rows(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relrowsecurity AND p.polname = 'clinic'"
        )
    }
    assert tenant_tables() <= protected
    with_clinic = {
        table
        for (table,) in rows(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'clinic_id'"
        )
    }
    assert with_clinic - protected - {"accounts_membership"} <= {"audit_event", "audit_seal"}


def test_the_web_role_can_make_neither_clinics_nor_rights(clinic: Any) -> None:
    for statement in (
        "INSERT INTO accounts_clinic (id, name) VALUES (gen_random_uuid(), 'x')",
        "UPDATE accounts_membership SET user_id = gen_random_uuid()",
        "DELETE FROM accounts_membership",
        "TRUNCATE patients_patient",
        "ALTER TABLE patients_patient DISABLE ROW LEVEL SECURITY",
        "DELETE FROM audit_event",
        "SELECT 1 FROM audit_seal",
    ):
        with (
            pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
            transaction.atomic(),
        ):
            rows(statement)
