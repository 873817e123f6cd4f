"""What a model's page shows, and who chose it when: a history that nobody can change.

The same work is done once as an opinion and once in the shadow, never twice as either.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from dermaclinic.accounts.tenancy import append_only, grant


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0003_second_opinion"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("modelversion", "metrics", models.JSONField(null=True)),
        migrations.AddField(
            "modelversion", "card", models.TextField(blank=True, default=""), False
        ),
        migrations.RemoveConstraint("prediction", "same_work_once"),
        migrations.AddConstraint(
            "prediction",
            models.UniqueConstraint(
                fields=("instance", "model_version", "rerun", "shadow"), name="same_work_once"
            ),
        ),
        migrations.CreateModel(
            name="ModelChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("activated", "put into service"),
                            ("deactivated", "taken out of service"),
                            ("rolled_back", "rolled back to"),
                            ("shadowed", "set to run in the shadow"),
                            ("unshadowed", "stopped running in the shadow"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="inference.modelversion",
                    ),
                ),
                (
                    "previous",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inference.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "action__in",
                                [
                                    "activated",
                                    "deactivated",
                                    "rolled_back",
                                    "shadowed",
                                    "unshadowed",
                                ],
                            )
                        ),
                        name="model_change_is_known",
                    )
                ],
            },
        ),
        grant("inference_modelchange", web="SELECT, INSERT", worker="SELECT"),
        append_only("inference_modelchange", error="who chose a model is never changed"),
    ]
