"""Recorded before the opinion was seen; taken back before it was reported."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import SAFE_PATH, append_only, protect, same


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_review_rules"),
        ("reports", "0003_histology"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="assessment", name="departing_needs_a_reason"),
        migrations.AddField(
            model_name="assessment", name="blinded", field=models.BooleanField(default=False)
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("agreement", "differs"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    ("blinded", True),
                    _connector="OR",
                ),
                name="departing_needs_a_reason",
            ),
        ),
        migrations.CreateModel(
            name="AssessmentWithdrawal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(auto_now_add=True)),
                (
                    "assessment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawal",
                        to="reports.assessment",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            ],
            options={"abstract": False},
        ),
        protect("reports_assessmentwithdrawal", web="SELECT, INSERT", worker="SELECT"),
        append_only(
            "reports_assessmentwithdrawal", error="a withdrawal stays: record a new assessment"
        ),
        same(
            "reports_assessmentwithdrawal",
            "assessment_id",
            "reports_assessment",
            "clinic_id",
        ),
        # What stands in a report is not taken back, and what is taken back enters no report.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_assessment_withdrawn() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF EXISTS (SELECT FROM reports_reportassessment
                           WHERE assessment_id = NEW.assessment_id)
                   AND EXISTS (SELECT FROM reports_assessmentwithdrawal
                               WHERE assessment_id = NEW.assessment_id) THEN
                    RAISE EXCEPTION 'a withdrawn assessment stands in no report'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER reports_withdrawal_of_no_report
                AFTER INSERT ON reports_assessmentwithdrawal
                FOR EACH ROW EXECUTE FUNCTION reports_assessment_withdrawn();
            CREATE TRIGGER reports_report_of_standing_assessments
                AFTER INSERT ON reports_reportassessment
                FOR EACH ROW EXECUTE FUNCTION reports_assessment_withdrawn();
            """,
            """
            DROP TRIGGER reports_report_of_standing_assessments ON reports_reportassessment;
            DROP TRIGGER reports_withdrawal_of_no_report ON reports_assessmentwithdrawal;
            DROP FUNCTION reports_assessment_withdrawn();
            """,
        ),
    ]
