"""Two records of one person: the merge, its undoing, and the functions that move the rows."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import SAFE_PATH, append_only, protect, same
from patients.merging import sql_moving

KEPT = "a merge is never changed: undo it"


def _key(to, **more):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, **{"related_name": "+", "to": to} | more
    )


def _id():
    return models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_wall"),
        ("patients", "0006_lesion_place"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="patient",
            name="merged_into",
            field=_key("patients.patient", editable=False, null=True, related_name="absorbed"),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into__isnull", True),
                    models.Q(("merged_into", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="record_is_not_merged_into_itself",
            ),
        ),
        migrations.CreateModel(
            name="Merge",
            fields=[
                ("id", _id()),
                ("merged_at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("identity", models.JSONField()),
                ("chosen", models.JSONField()),
                ("result", models.JSONField()),
                ("sealed", models.BinaryField()),
                ("moved", models.JSONField()),
                ("kept", models.JSONField()),
                ("numbers", models.JSONField()),
                (
                    "twins",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField()),
                ),
                ("clinic", _key("accounts.clinic")),
                ("closed", _key("patients.patient")),
                ("merged_by", _key(settings.AUTH_USER_MODEL)),
                ("survivor", _key("patients.patient")),
            ],
            options={
                "ordering": ["-merged_at"],
                "indexes": [
                    models.Index(fields=["survivor", "merged_at"], name="merges_into_a_record"),
                    models.Index(fields=["closed", "merged_at"], name="merges_of_a_record"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("survivor", models.F("closed")), _negated=True),
                        name="merge_is_of_two_records",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="merge_says_why"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MergeUndo",
            fields=[
                ("id", _id()),
                ("undone_at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("moved", models.JSONField()),
                ("clinic", _key("accounts.clinic")),
                (
                    "merge",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undo",
                        to="patients.merge",
                    ),
                ),
                ("undone_by", _key(settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="undoing_a_merge_says_why",
                    )
                ],
            },
        ),
        # Both are written by the functions alone; a key's rotation wraps the sealed part anew.
        protect("patients_merge", web="SELECT, UPDATE (sealed)", worker=""),
        protect("patients_mergeundo", web="SELECT", worker=""),
        append_only("patients_mergeundo", error="the undoing of a merge is never changed"),
        append_only("patients_merge", error=KEPT),
        migrations.RunSQL(
            f"""
            CREATE FUNCTION patients_merge_rewrap_only() RETURNS trigger
                LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF to_jsonb(OLD) - 'sealed' = to_jsonb(NEW) - 'sealed'
                    AND sealed_data(OLD.sealed) = sealed_data(NEW.sealed) THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION '{KEPT}' USING ERRCODE = 'restrict_violation';
            END $$;
            DROP TRIGGER patients_merge_append_only ON patients_merge;
            CREATE TRIGGER patients_merge_append_only BEFORE DELETE ON patients_merge
                FOR EACH ROW EXECUTE FUNCTION patients_merge_append_only();
            CREATE TRIGGER patients_merge_rewrap_only BEFORE UPDATE ON patients_merge
                FOR EACH ROW EXECUTE FUNCTION patients_merge_rewrap_only();
            """,
            """
            DROP TRIGGER patients_merge_rewrap_only ON patients_merge;
            DROP FUNCTION patients_merge_rewrap_only();
            """,
        ),
        same("patients_patient", "merged_into_id", "patients_patient", "clinic_id"),
        same("patients_merge", "survivor_id", "patients_patient", "clinic_id"),
        same("patients_merge", "closed_id", "patients_patient", "clinic_id"),
        same("patients_mergeundo", "merge_id", "patients_merge", "clinic_id"),
        sql_moving.functions(),
    ]
