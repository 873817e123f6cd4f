"""What a clinic sets of its own: each change is a row, and no row is ever changed."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import append_only, protect


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_wall")]

    operations = [
        migrations.CreateModel(
            name="ClinicSettings",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "prevalence",
                    models.FloatField(null=True, verbose_name="malignancy prevalence"),
                ),
                ("targets", models.JSONField(default=dict, verbose_name="sensitivity targets")),
                ("changed_at", models.DateTimeField(auto_now_add=True)),
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
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["clinic", "number"], name="clinic_settings_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(prevalence=None)
                        | models.Q(prevalence__range=(0.001, 0.6)),
                        name="prevalence_is_a_clinics",
                    ),
                ],
            },
        ),
        protect("accounts_clinicsettings", web="SELECT, INSERT"),
        append_only(
            "accounts_clinicsettings",
            error="settings of a clinic are never changed: record new ones",
        ),
    ]
