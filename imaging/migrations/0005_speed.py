"""What pages look for among a hundred thousand patients and a million images."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("imaging", "0004_resumable"), ("patients", "0006_lesion_place")]

    operations: ClassVar = [
        # Whose patient is called like a member: asked at each look at unusual access
        # (patients/namesakes.py).
        migrations.RunSQL(
            "CREATE INDEX patient_by_family ON patients_patient"
            " (clinic_id, lower(btrim(family_name)))",
            "DROP INDEX patient_by_family",
        ),
    ]
