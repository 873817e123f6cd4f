"""Row-level security, what is written once, and rows that must belong together."""

from django.db import migrations

from dermaclinic.accounts.tenancy import append_only, immutable_when, protect, same

KEEP = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("imaging", "0001_initial"), ("patients", "0002_wall")]

    operations = [
        protect("imaging_study", web=KEEP),
        protect("imaging_instance", web=KEEP),
        protect("imaging_rejection", web="SELECT, INSERT", worker=""),
        protect("imaging_quarantine", web=KEEP),
        append_only("imaging_rejection", error="a rejection is never changed"),
        immutable_when(
            "imaging_quarantine",
            "OLD.resolution <> 'open'",
            error="a resolved quarantine is never changed",
        ),
        same("imaging_study", "patient_id", "patients_patient", "clinic_id"),
        same("imaging_instance", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("imaging_instance", "lesion_id", "patients_lesion", "patient_id", "clinic_id"),
        same("imaging_rejection", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("imaging_quarantine", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("imaging_quarantine", "lesion_id", "patients_lesion", "patient_id", "clinic_id"),
    ]
