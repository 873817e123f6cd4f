"""The queue's own policy: the worker claims across clinics, but never changes a final opinion.

The web role asks for opinions and withdraws them; it can give none.
"""

from django.db import migrations

from dermaclinic.accounts.tenancy import grant, immutable_when, protect, same

WITHDRAW = "UPDATE (status, lease_token, lease_expires_at)"
ANSWER = (
    "UPDATE (status, attempts, lease_token, lease_expires_at, started_at, finished_at, error, "
    "declined_reason, malignant_probability, triage, result, saliency, saliency_shape)"
)


class Migration(migrations.Migration):
    dependencies = [("inference", "0001_initial"), ("imaging", "0002_wall")]

    operations = [
        protect(
            "inference_prediction", web=f"SELECT, INSERT, {WITHDRAW}", worker=f"SELECT, {ANSWER}"
        ),
        migrations.RunSQL(
            """
            CREATE POLICY queue ON inference_prediction TO dermaclinic_worker
                USING (true) WITH CHECK (true);
            CREATE POLICY ask ON inference_prediction AS RESTRICTIVE FOR INSERT TO dermaclinic_web
                WITH CHECK (status IN ('queued', 'declined') AND result IS NULL AND triage = ''
                            AND malignant_probability IS NULL AND saliency IS NULL);
            CREATE POLICY withdraw ON inference_prediction AS RESTRICTIVE FOR UPDATE
                TO dermaclinic_web USING (true) WITH CHECK (status = 'superseded');
            """,
            """
            DROP POLICY withdraw ON inference_prediction;
            DROP POLICY ask ON inference_prediction;
            DROP POLICY queue ON inference_prediction;
            """,
        ),
        grant("inference_modelversion", web="SELECT, UPDATE (active)", worker="SELECT"),
        immutable_when(
            "inference_prediction",
            "OLD.status IN ('ready', 'declined', 'failed', 'superseded')",
            error="a final opinion is never changed",
        ),
        same("inference_prediction", "instance_id", "imaging_instance", "clinic_id"),
    ]
