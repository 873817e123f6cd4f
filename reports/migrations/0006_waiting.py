"""A row for each visit that waits for a doctor, filled from what there is."""

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from dermaclinic.accounts.tenancy import protect, same

# The owner fills in all clinics at once, outside of any one's context.
FILL = """
DO $$ BEGIN
INSERT INTO reports_waiting (id, clinic_id, study_id)
SELECT gen_random_uuid(), clinic_id, id FROM imaging_study AS visit WHERE EXISTS (
    SELECT FROM imaging_instance AS image
    WHERE image.study_id = visit.id AND (image.lesion_id IS NULL OR NOT EXISTS (
        SELECT FROM reports_assessment AS made
        WHERE made.study_id = image.study_id AND made.lesion_id = image.lesion_id
          AND image.id = ANY (made.images)
          AND NOT EXISTS (SELECT FROM reports_assessmentwithdrawal AS back
                          WHERE back.assessment_id = made.id))));
END $$
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reports", "0005_phrases"), ("imaging", "0004_resumable")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Waiting",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.clinic",
                    ),
                ),
                (
                    "study",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiting",
                        to="imaging.study",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        # The nightly check is a worker's.
        protect("reports_waiting", web="SELECT, INSERT, DELETE", worker="SELECT, INSERT, DELETE"),
        same("reports_waiting", "study_id", "imaging_study", "clinic_id"),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
