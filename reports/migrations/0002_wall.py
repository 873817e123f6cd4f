"""Row-level security; assessments are written once, and a signed report keeps its content."""

from django.db import migrations

from dermaclinic.accounts.tenancy import append_only, immutable_when, protect, same

PDF = ("pdf_status", "pdf_name", "pdf_error", "pdf_attempts", "amendment_reason")


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("inference", "0002_wall")]

    operations = [
        protect("reports_claim", worker="SELECT, DELETE"),
        protect("reports_assessment", web="SELECT, INSERT"),
        protect("reports_report", web="SELECT, INSERT, UPDATE, DELETE", worker="SELECT, UPDATE"),
        protect("reports_reportassessment"),
        append_only("reports_assessment", error="an assessment is never changed: record a new one"),
        immutable_when(
            "reports_report",
            "OLD.status = 'signed'",
            but=PDF,
            error="a signed report is never changed: compose a new version",
        ),
        same("reports_claim", "study_id", "imaging_study", "clinic_id"),
        same("reports_assessment", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("reports_assessment", "lesion_id", "patients_lesion", "patient_id", "clinic_id"),
        same("reports_assessment", "opinion_id", "inference_prediction", "clinic_id"),
        same("reports_report", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("reports_reportassessment", "report_id", "reports_report", "clinic_id"),
        same("reports_reportassessment", "assessment_id", "reports_assessment", "clinic_id"),
    ]
