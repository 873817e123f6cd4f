"""Row-level security, what is written once, and rows that must belong together."""

from django.db import migrations

from dermaclinic.accounts.tenancy import (
    append_only,
    immutable_when,
    protect,
    same,
    web_changes_only,
)

KEEP = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    dependencies = [("imaging", "0001_initial"), ("patients", "0002_wall")]

    operations = [
        # To lock a row takes the right to change one of its columns.
        protect("imaging_study", web="SELECT, INSERT, UPDATE (acquired_at)"),
        protect("imaging_instance", web=KEEP),
        protect("imaging_rejection", web="SELECT, INSERT", worker=""),
        protect("imaging_quarantine", web=KEEP),
        # An image can be filed elsewhere, but never exchanged.
        web_changes_only(
            "imaging_instance",
            "study_id",
            "patient_id",
            "lesion_id",
            "image_name",
            "thumbnail_name",
            "original_name",
        ),
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
        same("imaging_quarantine", "instance_id", "imaging_instance", "clinic_id"),
    ]
