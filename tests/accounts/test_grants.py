"""What each role may write, tried with plain SQL: what no service does, the database refuses."""

import hashlib
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Quarantine
from inference.models import ModelVersion, Prediction
from patients.models import Lesion
from reports.models import Report
from reports.services.composing import discard
from tests import factories, opinions
from tests.database import acting_as
from tests.reports import scenes

REFUSED = r"permission denied|row-level security|may change|made by the worker|never changed"


def run(sql: str, *params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def refused(sql: str, *params: Any, role: str = "web", match: str = REFUSED) -> None:
    """Inside a clinic's context: the statement fails and leaves nothing."""
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), acting_as(role):
        run(sql, *params)


READY = "status = 'ready', result = '{}', malignant_probability = 0.01, triage = 'routine'"


@pytest.mark.parametrize(
    "change",
    [
        READY,
        "status = 'failed', error = 'x'",
        "status = 'declined', declined_reason = 'x'",
        "status = 'running', lease_token = gen_random_uuid(), lease_expires_at = now()",
        "lease_expires_at = NULL",
        "instance_id = gen_random_uuid()",
        "status = 'superseded', malignant_probability = 0.01",
    ],
)
def test_the_web_role_forges_no_opinion(technician: Any, change: str) -> None:
    opinions.model()
    opinions.admit(technician)
    with clinic_context(technician.clinic_id):
        refused(f"UPDATE inference_prediction SET {change}")
    (row,) = opinions.predictions(technician)
    assert (row.status, row.malignant_probability) == ("queued", None)


@pytest.mark.parametrize(
    "values",
    [
        {"status": "ready", "result": {}, "malignant_probability": 0.01},
        {"status": "declined", "declined_reason": "x", "result": {"differential": []}},
        {"status": "queued", "malignant_probability": 0.01},
        {"status": "queued", "triage": "routine"},
        {"status": "failed", "error": "x"},
        {"status": "superseded"},
    ],
)
def test_nor_adds_one(technician: Any, values: dict[str, Any]) -> None:
    opinions.model()
    instance = opinions.admit(technician)
    (row,) = opinions.predictions(technician)
    with (
        pytest.raises(DatabaseError, match=REFUSED),
        clinic_context(technician.clinic_id),
    ):
        Prediction.objects.create(
            clinic_id=row.clinic_id,
            instance=instance,
            model_version_id=row.model_version_id,
            rerun=1,
            **values,
        )
    assert len(opinions.predictions(technician)) == 1


def test_the_web_role_withdraws_what_waits(technician: Any) -> None:
    opinions.model()
    opinions.admit(technician)
    with clinic_context(technician.clinic_id):
        assert run("UPDATE inference_prediction SET status = 'superseded'") == 1


def test_the_worker_answers_only_what_was_asked(technician: Any) -> None:
    opinions.model()
    opinions.admit(technician)
    with clinic_context(technician.clinic_id):
        for sql in (
            "UPDATE inference_prediction SET clinic_id = gen_random_uuid()",
            "UPDATE inference_prediction SET instance_id = gen_random_uuid()",
            "UPDATE inference_prediction SET model_version_id = gen_random_uuid()",
            "DELETE FROM inference_prediction",
        ):
            refused(sql, role="worker")
        with acting_as("worker"):
            assert run(f"UPDATE inference_prediction SET {READY}") == 1


def test_a_model_is_registered_by_the_owner_alone(clinic: Any) -> None:
    model = opinions.model()
    for role in ("web", "worker"):
        for sql in (
            "INSERT INTO inference_modelversion SELECT gen_random_uuid(), name, '2', 'x', manifest,"
            " false, now() FROM inference_modelversion",
            "UPDATE inference_modelversion SET sha256 = 'x'",
            "UPDATE inference_modelversion SET manifest = '{}'",
            "DELETE FROM inference_modelversion",
        ):
            refused(sql, role=role)
    refused("UPDATE inference_modelversion SET active = false", role="worker")
    assert ModelVersion.objects.get().sha256 == model.sha256


def test_the_web_role_makes_nobody_somebody_else(clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    for sql in (
        "UPDATE accounts_user SET email = 'other@clinic.example'",
        "UPDATE accounts_user SET full_name = 'Other'",
        "UPDATE accounts_user SET is_active = false",
        "INSERT INTO accounts_membership (id, role, is_active, clinic_id, user_id) "
        "SELECT gen_random_uuid(), 'administrator', true, clinic_id, user_id "
        "FROM accounts_membership",
        "UPDATE accounts_apitoken SET membership_id = gen_random_uuid()",
        "DELETE FROM accounts_apitoken",
        "UPDATE accounts_clinic SET synthetic = true",
    ):
        refused(sql)
    assert run("UPDATE accounts_user SET password = password, last_login = now()") == 1
    member.user.refresh_from_db()
    assert member.user.is_active


def test_the_worker_reads_no_passwords_tokens_or_answers(clinic: Any) -> None:
    for sql in (
        "SELECT password FROM accounts_user",
        "SELECT digest FROM accounts_apitoken",
        "SELECT body FROM accounts_idempotencykey",
        "SELECT session_data FROM django_session",
    ):
        refused(sql, role="worker")


def test_an_image_is_filed_elsewhere_but_never_exchanged(technician: Any) -> None:
    instance = opinions.admit(technician)
    with clinic_context(technician.clinic_id):
        for column, value in (
            ("sha256", "'" + "0" * 64 + "'"),
            ("width", "1"),
            ("created_by_id", "gen_random_uuid()"),
            ("sop_instance_uid", "'2.25.1'"),
            ("source", "'{}' || '{\"x\": 1}'::jsonb"),
        ):
            refused(f"UPDATE imaging_instance SET {column} = {value}")
        refused("DELETE FROM imaging_instance")
        refused("UPDATE imaging_instance SET width = 1", role="worker")
        instance.refresh_from_db()
        assert instance.width == 320


def test_visits_and_lesions_stay_with_their_patient(technician: Any) -> None:
    patient = factories.patient(technician)
    factories.study(technician, patient)
    factories.lesion(technician, patient)
    with clinic_context(technician.clinic_id):
        for sql in (
            "UPDATE imaging_study SET patient_id = gen_random_uuid()",
            "UPDATE imaging_study SET created_by_id = gen_random_uuid()",
            "UPDATE patients_lesion SET patient_id = gen_random_uuid()",
            "UPDATE patients_lesion SET number = 7",
            "DELETE FROM imaging_study",
            "DELETE FROM patients_lesion",
            "DELETE FROM patients_patient",
        ):
            refused(sql)
        assert Lesion.objects.get().number == 1


def test_only_drafts_of_reports_can_go(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    draft, *_rest = scenes.draft(doctor)
    with clinic_context(doctor.clinic_id):
        refused("DELETE FROM reports_report WHERE id = %s", report.pk)
        refused("DELETE FROM reports_reportassessment WHERE report_id = %s", report.pk)
        refused("UPDATE reports_reportassessment SET position = 3")
        refused("DELETE FROM reports_report", role="worker")
    discard(actor=doctor, report_id=draft.pk)
    with clinic_context(doctor.clinic_id):
        assert [each.pk for each in Report.objects.all()] == [report.pk]


def test_only_the_worker_says_which_pdf_there_is(doctor: Any) -> None:
    scenes.signed(doctor)
    with clinic_context(doctor.clinic_id):
        name = hashlib.sha256(b"another").hexdigest()
        refused("UPDATE reports_report SET pdf_status = 'ready', pdf_name = %s", name)
        refused("UPDATE reports_report SET pdf_name = %s", name)
        refused("UPDATE reports_report SET pdf_status = 'failed', pdf_error = 'x'")
        for column in ("content = '{}'", "amendment_reason = 'x'", "status = 'draft'"):
            refused(f"UPDATE reports_report SET {column}", role="worker")
        with acting_as("worker"):
            assert run("UPDATE reports_report SET pdf_status = 'ready', pdf_name = %s", name) == 1


def test_no_report_is_born_signed(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    with clinic_context(doctor.clinic_id):
        report = Report.objects.get(pk=report.pk)
        report.pk, report.number = None, 99
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            report.save(force_insert=True)
        assert Report.objects.count() == 1


def test_a_report_replaces_one_of_its_own_clinic_and_visit(doctor: Any, stranger: Any) -> None:
    theirs, *_rest = scenes.signed(stranger)
    ours, *_rest = scenes.signed(doctor)
    draft, *_rest = scenes.draft(doctor)
    with clinic_context(doctor.clinic_id):
        for former in (theirs, ours):
            refused(
                "UPDATE reports_report SET replaces_id = %s, version = 2 WHERE id = %s",
                former.pk,
                draft.pk,
                match="replaces_id_same",
            )
        assert Report.objects.get(pk=draft.pk).replaces_id is None


def test_a_held_image_becomes_one_of_its_own_clinic(technician: Any, stranger: Any) -> None:
    theirs = opinions.admit(stranger)
    patient = factories.patient(technician)
    study = factories.study(technician, patient)
    with clinic_context(technician.clinic_id):
        held = Quarantine.objects.create(
            clinic_id=technician.clinic_id,
            patient=patient,
            study=study,
            kind="mismatch",
            sha256="0" * 64,
            held_name="x",
            created_by=factories.user(technician),
        )
        refused(
            "UPDATE imaging_quarantine SET instance_id = %s", theirs.pk, match="instance_id_same"
        )
        held.refresh_from_db()
        assert held.instance_id is None


def test_our_functions_look_in_our_schema_only(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig FROM pg_proc JOIN pg_roles owner ON owner.oid = proowner "
            "WHERE pronamespace = 'public'::regnamespace AND rolname = 'dermaclinic_owner'"
        )
        found = dict(cursor.fetchall())
    assert len(found) > 8
    assert set(map(str, found.values())) == {"['search_path=public, pg_temp']"}


def test_a_temporary_table_cannot_stand_in_for_ours(doctor: Any) -> None:
    report, *_rest = scenes.signed(doctor)
    with clinic_context(doctor.clinic_id), transaction.atomic():
        run("CREATE TEMP TABLE reports_report (id uuid, status text) ON COMMIT DROP")
        refused("DELETE FROM public.reports_reportassessment WHERE report_id = %s", report.pk)
        run("DROP TABLE pg_temp.reports_report")
