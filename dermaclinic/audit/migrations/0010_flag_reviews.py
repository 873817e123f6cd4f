"""Reviews of unusual access; and the ways in which the audit is searched.

Row-level security keeps an index from a condition that is not leakproof, and `@>` on JSON is none.
So the numbers of a patient's events come from a function of the owner, which looks in the context's
clinic alone.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

from dermaclinic.accounts.tenancy import SAFE_PATH, append_only, protect

CONTEXT = "NULLIF(current_setting('app.clinic', true), '')::uuid"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_partitions"),
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FlagReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("patient_id", models.UUIDField(null=True)),
                ("begins", models.DateTimeField()),
                ("accesses", models.PositiveIntegerField()),
                ("note", models.CharField(max_length=1000)),
                ("reviewed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.clinic",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["reviewed_at"],
                "indexes": [models.Index(fields=["clinic", "begins"], name="flag_review_by_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(note=""), name="flag_review_says_something"
                    ),
                    models.CheckConstraint(
                        condition=~Q(person=F("reviewed_by")),
                        name="nobody_reviews_their_own_access",
                    ),
                ],
            },
        ),
        protect("audit_flagreview", web="SELECT, INSERT", worker=""),
        append_only("audit_flagreview", error="reviews are never changed or removed"),
        # Partitions to come get them, too.
        migrations.RunSQL(
            """
            CREATE INDEX event_by_shown ON audit_event
                USING gin ((detail -> 'shown') jsonb_path_ops)
                WHERE jsonb_typeof(detail -> 'shown') = 'array';
            CREATE INDEX event_by_trouble ON audit_event (clinic_id, at DESC)
                WHERE outcome <> 'success';
            """,
            "DROP INDEX event_by_trouble; DROP INDEX event_by_shown;",
        ),
        migrations.RunSQL(
            f"""
            CREATE FUNCTION audit_events_of_patient(patient uuid) RETURNS SETOF bigint
            LANGUAGE sql STABLE SECURITY DEFINER {SAFE_PATH} AS $$
                SELECT id FROM audit_event
                WHERE clinic_id = {CONTEXT} AND patient_id = patient
                UNION
                SELECT id FROM audit_event
                WHERE clinic_id = {CONTEXT} AND jsonb_typeof(detail -> 'shown') = 'array'
                    AND detail -> 'shown' @> to_jsonb(ARRAY[patient::text])
            $$;
            REVOKE ALL ON FUNCTION audit_events_of_patient FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION audit_events_of_patient TO dermaclinic_web;
            """,
            "DROP FUNCTION audit_events_of_patient;",
        ),
    ]
