"""Second readings and consensus: who reads twice never reads first, and what was read stays."""

import uuid
from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import (
    SAFE_PATH,
    append_only,
    immutable_when,
    protect,
    same,
    web_changes_only,
)

CLAIM = ("claimed_by_id", "claim_expires_at")
READING = ("reader_id", "diagnoses", "management", "due", "comment", "read_at", "outcome")
LATER = ("third_asked_by_id", "third_asked_at", "closed_at", "closed_why")


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("reports", "0006_waiting"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SecondReading",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("condition", "a diagnosis that this clinic reads twice"),
                            ("sample", "drawn among the agreed benign cases"),
                            ("changed", "it departs from a consensus"),
                        ],
                        max_length=10,
                    ),
                ),
                ("asked_at", models.DateTimeField(auto_now_add=True)),
                ("claim_expires_at", models.DateTimeField(null=True)),
                (
                    "diagnoses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=18), default=list, size=3
                    ),
                ),
                (
                    "management",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("discharge", "Discharge"),
                            ("monitor", "Monitor until"),
                            ("excise", "Biopsy or excise"),
                            ("refer", "Refer"),
                            ("retake", "Take the image again"),
                        ],
                        max_length=12,
                    ),
                ),
                ("due", models.DateField(blank=True, null=True)),
                ("comment", models.TextField(blank=True)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("agrees", "agrees with the first reading"),
                            ("partly", "partly agrees with the first reading"),
                            ("differs", "differs from the first reading"),
                        ],
                        max_length=10,
                    ),
                ),
                ("third_asked_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "closed_why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("agreed", "the readings agree"),
                            ("consensus", "decided by consensus"),
                            ("withdrawn", "the first reading was taken back"),
                            ("superseded", "the lesion was assessed anew"),
                            ("moved", "an image was filed elsewhere"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "claimed_by",
                    models.ForeignKey(
                        null=True,
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
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_readings",
                        to="reports.assessment",
                    ),
                ),
                (
                    "lesion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_readings",
                        to="patients.lesion",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_readings",
                        to="patients.patient",
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_readings",
                        to="imaging.study",
                    ),
                ),
                (
                    "third_asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["asked_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ConsensusProposal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "diagnoses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=18), size=3
                    ),
                ),
                (
                    "management",
                    models.CharField(
                        choices=[
                            ("discharge", "Discharge"),
                            ("monitor", "Monitor until"),
                            ("excise", "Biopsy or excise"),
                            ("refer", "Refer"),
                            ("retake", "Take the image again"),
                        ],
                        max_length=12,
                    ),
                ),
                ("due", models.DateField(blank=True, null=True)),
                ("reason", models.TextField()),
                (
                    "images",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), size=None
                    ),
                ),
                ("proposed_at", models.DateTimeField(auto_now_add=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
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
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consensus_proposals",
                        to="patients.patient",
                    ),
                ),
                (
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="reports.secondreading",
                    ),
                ),
            ],
            options={
                "ordering": ["-proposed_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Consensus",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("decided_at", models.DateTimeField(auto_now_add=True)),
                (
                    "agreed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "assessment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consensus",
                        to="reports.assessment",
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
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consensus",
                        to="patients.patient",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consensus",
                        to="reports.consensusproposal",
                    ),
                ),
                (
                    "reading",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consensus",
                        to="reports.secondreading",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "consensus",
            },
        ),
        migrations.AddIndex(
            model_name="secondreading",
            index=models.Index(
                condition=models.Q(("closed_at", None)),
                fields=["clinic", "asked_at"],
                name="second_reading_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)),
                fields=("study", "lesion"),
                name="one_open_second_reading",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("diagnoses", []),
                        ("management", ""),
                        ("outcome", ""),
                        ("read_at", None),
                        ("reader", None),
                    ),
                    models.Q(
                        ("diagnoses__len__range", (1, 3)),
                        ("management__in", ["discharge", "monitor", "excise", "refer", "retake"]),
                        ("outcome__in", ["agrees", "partly", "differs"]),
                        ("read_at__isnull", False),
                        ("reader", models.F("claimed_by")),
                        ("reader__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="second_reading_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due__isnull", False), ("management", "monitor")),
                    models.Q(
                        models.Q(("management", "monitor"), _negated=True), ("due__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="second_reading_monitors_until",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("claim_expires_at", None), ("claimed_by", None)),
                    models.Q(("claim_expires_at__isnull", False), ("claimed_by__isnull", False)),
                    _connector="OR",
                ),
                name="second_reading_claim_expires",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["condition", "sample", "changed"])),
                name="second_reading_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("closed_why", "")),
                    models.Q(
                        ("closed_at__isnull", False),
                        models.Q(
                            models.Q(
                                ("closed_why", "agreed"), ("outcome__in", ["agrees", "partly"])
                            ),
                            models.Q(("closed_why", "consensus"), ("outcome", "differs")),
                            models.Q(
                                ("closed_why__in", ["withdrawn", "superseded"]), ("read_at", None)
                            ),
                            ("closed_why", "moved"),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="second_reading_closes_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_at__isnull", False),
                    models.Q(("outcome__in", ["agrees", "partly"]), _negated=True),
                    _connector="OR",
                ),
                name="agreeing_closes_a_second_reading",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondreading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("third_asked_at", None), ("third_asked_by", None)),
                    models.Q(
                        ("outcome", "differs"),
                        ("third_asked_at__isnull", False),
                        ("third_asked_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="a_third_is_asked_where_two_differ",
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusproposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("reading", "author"),
                name="one_live_proposal_each",
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("diagnoses__len__range", (1, 3))), name="proposal_has_diagnoses"
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("management__in", ["discharge", "monitor", "excise", "refer", "retake"])
                ),
                name="proposal_management_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due__isnull", False), ("management", "monitor")),
                    models.Q(
                        models.Q(("management", "monitor"), _negated=True), ("due__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="proposal_monitors_until",
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="proposal_gives_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="consensus",
            constraint=models.CheckConstraint(
                condition=models.Q(("proposed_by", models.F("agreed_by")), _negated=True),
                name="consensus_is_of_two_doctors",
            ),
        ),
        protect("reports_secondreading", web="SELECT, INSERT, UPDATE"),
        protect("reports_consensusproposal", web="SELECT, INSERT, UPDATE (withdrawn_at)"),
        protect("reports_consensus", web="SELECT, INSERT"),
        web_changes_only("reports_secondreading", *CLAIM, *READING, *LATER),
        immutable_when(
            "reports_secondreading",
            "OLD.closed_at IS NOT NULL",
            error="a second reading that is closed is never changed",
        ),
        immutable_when(
            "reports_consensusproposal",
            "true",
            but=("withdrawn_at",),
            error="a proposal is never changed: withdraw it and write another one",
        ),
        append_only("reports_consensus", error="a consensus is never changed"),
        # What was read stays as it was read, while those who differ come together.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_secondreading_stays() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF TG_OP = 'DELETE'
                   OR (OLD.reader_id, OLD.diagnoses, OLD.management, OLD.due, OLD.comment,
                       OLD.read_at, OLD.outcome)
                      IS DISTINCT FROM
                      (NEW.reader_id, NEW.diagnoses, NEW.management, NEW.due, NEW.comment,
                       NEW.read_at, NEW.outcome) THEN
                    RAISE EXCEPTION 'a second reading is never changed'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER reports_secondreading_stays
                BEFORE UPDATE OR DELETE ON reports_secondreading
                FOR EACH ROW WHEN (OLD.read_at IS NOT NULL)
                EXECUTE FUNCTION reports_secondreading_stays();
            """,
            """
            DROP TRIGGER reports_secondreading_stays ON reports_secondreading;
            DROP FUNCTION reports_secondreading_stays();
            """,
        ),
        # Nobody reads second who has read first, in whichever version.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_secondreading_by_another() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF EXISTS (SELECT FROM reports_assessment
                           WHERE study_id = NEW.study_id AND lesion_id = NEW.lesion_id
                             AND author_id IN (NEW.claimed_by_id, NEW.reader_id)) THEN
                    RAISE EXCEPTION 'a second reading is another doctor''s'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER reports_secondreading_by_another
                BEFORE INSERT OR UPDATE OF claimed_by_id, reader_id ON reports_secondreading
                FOR EACH ROW EXECUTE FUNCTION reports_secondreading_by_another();
            """,
            """
            DROP TRIGGER reports_secondreading_by_another ON reports_secondreading;
            DROP FUNCTION reports_secondreading_by_another();
            """,
        ),
        # Two doctors sign: one by proposing, the other by agreeing to what still stands.
        migrations.RunSQL(
            f"""
            CREATE FUNCTION reports_consensus_of_two() RETURNS trigger
            LANGUAGE plpgsql {SAFE_PATH} AS $$
            BEGIN
                IF NOT EXISTS (
                    SELECT FROM reports_consensusproposal AS proposal
                    JOIN reports_secondreading AS reading ON reading.id = proposal.reading_id
                    JOIN reports_assessment AS made ON made.id = NEW.assessment_id
                    WHERE proposal.id = NEW.proposal_id AND reading.id = NEW.reading_id
                      AND proposal.author_id = NEW.proposed_by_id
                      AND proposal.withdrawn_at IS NULL
                      AND made.author_id = NEW.agreed_by_id
                      AND made.study_id = reading.study_id AND made.lesion_id = reading.lesion_id
                      AND made.diagnoses = proposal.diagnoses
                      AND made.management = proposal.management) THEN
                    RAISE EXCEPTION 'a consensus says what one proposed and the other agreed to'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER reports_consensus_of_two BEFORE INSERT ON reports_consensus
                FOR EACH ROW EXECUTE FUNCTION reports_consensus_of_two();
            """,
            """
            DROP TRIGGER reports_consensus_of_two ON reports_consensus;
            DROP FUNCTION reports_consensus_of_two();
            """,
        ),
        same("reports_secondreading", "first_id", "reports_assessment", "study_id", "lesion_id"),
        same("reports_secondreading", "first_id", "reports_assessment", "patient_id", "clinic_id"),
        same(
            "reports_consensusproposal",
            "reading_id",
            "reports_secondreading",
            "patient_id",
            "clinic_id",
        ),
        same("reports_consensus", "reading_id", "reports_secondreading", "patient_id", "clinic_id"),
        same(
            "reports_consensus",
            "proposal_id",
            "reports_consensusproposal",
            "patient_id",
            "clinic_id",
        ),
        same("reports_consensus", "assessment_id", "reports_assessment", "patient_id", "clinic_id"),
    ]
