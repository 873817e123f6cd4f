"""The queue's own policy: the worker claims across clinics, but never changes a final opinion."""

from django.db import migrations

from dermaclinic.accounts.tenancy import grant, immutable_when, protect, same


class Migration(migrations.Migration):
    dependencies = [("inference", "0001_initial"), ("imaging", "0002_wall")]

    operations = [
        protect("inference_prediction", web="SELECT, INSERT, UPDATE", worker="SELECT, UPDATE"),
        migrations.RunSQL(
            """
            CREATE POLICY queue ON inference_prediction TO dermaclinic_worker
                USING (true) WITH CHECK (true);
            """,
            "DROP POLICY queue ON inference_prediction;",
        ),
        grant("inference_modelversion", web="SELECT, INSERT, UPDATE", worker="SELECT"),
        immutable_when(
            "inference_prediction",
            "OLD.status IN ('ready', 'declined', 'failed', 'superseded')",
            error="a final opinion is never changed",
        ),
        same("inference_prediction", "instance_id", "imaging_instance", "clinic_id"),
    ]
