"""A row for each visit that waits for a doctor, filled from what there is."""

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from dermaclinic.accounts.tenancy import SAFE_PATH, protect, same

# The owner fills in all clinics at once, outside of any one's context. Until somebody computes its
# place, each stands where a new one does (services/waiting.py).
FILL = """
DO $$ BEGIN
INSERT INTO reports_waiting (id, clinic_id, study_id, stale, place, blinded_place)
SELECT gen_random_uuid(), clinic_id, id, true, first.place, first.place
FROM imaging_study AS visit CROSS JOIN LATERAL (
    SELECT '21000000' || to_char(visit.acquired_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')
        || visit.id::text AS place) AS first
WHERE EXISTS (
    SELECT FROM imaging_instance AS image
    WHERE image.study_id = visit.id AND (image.lesion_id IS NULL OR NOT EXISTS (
        SELECT FROM reports_assessment AS made
        WHERE made.study_id = image.study_id AND made.lesion_id = image.lesion_id
          AND image.id = ANY (made.images)
          AND NOT EXISTS (SELECT FROM reports_assessmentwithdrawal AS back
                          WHERE back.assessment_id = made.id))));
END $$
"""
CHANGED = "(OLD.status, OLD.triage, OLD.malignant_probability) IS DISTINCT FROM" + (
    " (NEW.status, NEW.triage, NEW.malignant_probability)"
)
# What a visit's place in the worklist hangs on is written on other floors, by workers without any
# clinic's context, too: so the owner's functions say that it has changed. A row is touched even
# where it is stale already: then whoever computes its place at this moment is waited for.
STALE = f"""
    CREATE FUNCTION reports_waiting_opinion() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    BEGIN
        UPDATE reports_waiting SET stale = true
        WHERE study_id = (SELECT study_id FROM imaging_instance WHERE id = NEW.instance_id);
        RETURN NULL;
    END $$;
    CREATE FUNCTION reports_waiting_consent() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    BEGIN
        UPDATE reports_waiting SET stale = true
        WHERE study_id IN (SELECT id FROM imaging_study WHERE patient_id = NEW.patient_id);
        RETURN NULL;
    END $$;
    CREATE FUNCTION reports_waiting_visit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER {SAFE_PATH} AS $$
    BEGIN
        UPDATE reports_waiting SET stale = true WHERE study_id = NEW.id;
        RETURN NULL;
    END $$;
    REVOKE ALL ON FUNCTION reports_waiting_opinion, reports_waiting_consent, reports_waiting_visit
        FROM PUBLIC;
    CREATE TRIGGER reports_waiting_asked AFTER INSERT ON inference_prediction FOR EACH ROW
        WHEN (NOT NEW.shadow) EXECUTE FUNCTION reports_waiting_opinion();
    CREATE TRIGGER reports_waiting_answered AFTER UPDATE ON inference_prediction FOR EACH ROW
        WHEN (NOT NEW.shadow AND NEW.status <> 'running' AND {CHANGED})
        EXECUTE FUNCTION reports_waiting_opinion();
    CREATE TRIGGER reports_waiting_consent AFTER INSERT OR UPDATE ON patients_consent FOR EACH ROW
        WHEN (NEW.purpose = 'ai_opinion') EXECUTE FUNCTION reports_waiting_consent();
    CREATE TRIGGER reports_waiting_visit AFTER UPDATE OF patient_id, acquired_at ON imaging_study
        FOR EACH ROW EXECUTE FUNCTION reports_waiting_visit();
"""
NOT_STALE = """
    DROP TRIGGER reports_waiting_asked ON inference_prediction;
    DROP TRIGGER reports_waiting_answered ON inference_prediction;
    DROP TRIGGER reports_waiting_consent ON patients_consent;
    DROP TRIGGER reports_waiting_visit ON imaging_study;
    DROP FUNCTION reports_waiting_opinion;
    DROP FUNCTION reports_waiting_consent;
    DROP FUNCTION reports_waiting_visit;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("reports", "0005_phrases"),
        ("imaging", "0004_resumable"),
        ("inference", "0004_registry"),
    ]

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
                ("place", models.TextField(db_collation="C", null=True)),
                ("blinded_place", models.TextField(db_collation="C", null=True)),
                ("stale", models.BooleanField(default=True)),
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
            options={
                "indexes": [
                    models.Index(fields=["clinic", "place"], name="waiting_in_order"),
                    models.Index(
                        fields=["clinic", "blinded_place"], name="waiting_in_blinded_order"
                    ),
                    models.Index(
                        condition=models.Q(("stale", True)), fields=["clinic"], name="waiting_anew"
                    ),
                ],
            },
        ),
        # The nightly check is a worker's.
        protect(
            "reports_waiting",
            web="SELECT, INSERT, UPDATE (place, blinded_place, stale), DELETE",
            worker="SELECT, INSERT, UPDATE (place, blinded_place, stale), DELETE",
        ),
        same("reports_waiting", "study_id", "imaging_study", "clinic_id"),
        migrations.RunSQL(STALE, NOT_STALE),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        # A doctor's own of the last days, which one signature closes.
        migrations.RunSQL(
            "CREATE INDEX assessment_by_author ON reports_assessment"
            " (clinic_id, author_id, recorded_at DESC)",
            "DROP INDEX assessment_by_author",
        ),
    ]
