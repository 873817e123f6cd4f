"""Row-level security, what is written once, and rows that must belong together."""

from django.db import migrations

from dermaclinic.accounts.tenancy import append_only, protect, same

KEEP = "SELECT, INSERT, UPDATE"
ADD = "SELECT, INSERT"


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial"), ("accounts", "0002_wall")]

    operations = [
        protect("patients_patient", web=KEEP),
        protect("patients_patientchange", web=ADD, worker=""),
        protect("patients_consent", web=ADD),
        protect("patients_lesion", web=f"{ADD}, UPDATE (body_site, laterality, note)"),
        append_only("patients_patientchange", error="the history of a patient is never changed"),
        append_only("patients_consent", error="a consent is never changed: record a new one"),
        same("patients_patientchange", "patient_id", "patients_patient", "clinic_id"),
        same("patients_consent", "patient_id", "patients_patient", "clinic_id"),
        same("patients_lesion", "patient_id", "patients_patient", "clinic_id"),
    ]
