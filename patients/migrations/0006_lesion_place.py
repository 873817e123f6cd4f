"""Where a lesion is on the body map."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q

VIEWS = [
    "front", "back", "face", "scalp", "head_right", "head_left", "palm_right", "palm_left",
    "hand_back_left", "hand_back_right", "foot_back_left", "foot_back_right", "sole_right",
    "sole_left",
]  # fmt: skip
COLUMNS = "place_view, place_x, place_y, region"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("patients", "0005_contact_wall")]

    operations: ClassVar = [
        migrations.AddField(
            "lesion",
            "place_view",
            models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AddField("lesion", "place_x", models.FloatField(blank=True, null=True)),
        migrations.AddField("lesion", "place_y", models.FloatField(blank=True, null=True)),
        migrations.AddField(
            "lesion",
            "region",
            models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AddConstraint(
            "lesion",
            models.CheckConstraint(
                condition=Q(place_view="", region="", place_x__isnull=True, place_y__isnull=True)
                | Q(place_x__isnull=False, place_y__isnull=False)
                & ~Q(place_view="")
                & ~Q(region=""),
                name="lesion_place_is_whole",
            ),
        ),
        migrations.AddConstraint(
            "lesion",
            models.CheckConstraint(
                condition=Q(place_x__isnull=True)
                | Q(place_x__range=(0, 1)) & Q(place_y__range=(0, 1)),
                name="lesion_place_lies_in_its_view",
            ),
        ),
        migrations.AddConstraint(
            "lesion",
            models.CheckConstraint(
                condition=Q(place_view__in=["", *VIEWS]), name="lesion_view_is_known"
            ),
        ),
        migrations.RunSQL(
            f"GRANT UPDATE ({COLUMNS}) ON patients_lesion TO dermaclinic_web",
            f"REVOKE UPDATE ({COLUMNS}) ON patients_lesion FROM dermaclinic_web",
        ),
    ]
