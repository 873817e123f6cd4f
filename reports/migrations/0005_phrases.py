"""The clinic's phrases, and a doctor's own assessments by day."""

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import protect


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_review_rules"),
        ("reports", "0004_blinded"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(fields=["author", "-recorded_at"], name="assessment_of_author"),
        ),
        migrations.CreateModel(
            name="Phrase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "abbreviation",
                    models.CharField(
                        max_length=12,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]{1,12}\\Z",
                                "Take one to twelve small letters and digits.",
                            )
                        ],
                        verbose_name="abbreviation",
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
                        verbose_name="what is to be done",
                    ),
                ),
                (
                    "months",
                    models.PositiveSmallIntegerField(
                        null=True, verbose_name="months until the next image"
                    ),
                ),
                (
                    "sentence",
                    models.CharField(
                        blank=True, max_length=500, verbose_name="the report's sentence"
                    ),
                ),
                ("retired", models.BooleanField(default=False)),
                ("version", models.PositiveIntegerField(default=1)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "changed_by",
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
            options={
                "ordering": ["abbreviation"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("retired", False)),
                        fields=("clinic", "abbreviation"),
                        name="abbreviation_stands_for_one_phrase",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("abbreviation__regex", "^[a-z0-9]{1,12}$")),
                        name="abbreviation_is_short_and_plain",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("diagnoses__len__range", (1, 3))),
                        name="phrase_has_diagnoses",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "management__in",
                                ["discharge", "monitor", "excise", "refer", "retake"],
                            )
                        ),
                        name="phrase_management_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("management", "monitor"),
                                ("months__isnull", False),
                                ("months__range", (1, 60)),
                            ),
                            models.Q(
                                models.Q(("management", "monitor"), _negated=True),
                                ("months__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="phrase_monitors_for_months",
                    ),
                ],
            },
        ),
        protect("reports_phrase", web="SELECT, INSERT, UPDATE", worker=""),
    ]
