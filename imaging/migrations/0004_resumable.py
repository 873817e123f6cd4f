"""Files that arrive in parts: what is there of them, and the wall around it."""

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

from dermaclinic.accounts.tenancy import protect, same

CHOICES = [
    ("dermoscopy", "Dermoscopy"),
    ("clinical", "Clinical photograph"),
    ("other", "Other kind of image"),
]
PROTECT = django.db.models.deletion.PROTECT


def key() -> models.UUIDField:
    return models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)


def clinic() -> models.ForeignKey:
    return models.ForeignKey(on_delete=PROTECT, related_name="+", to="accounts.clinic")


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("imaging", "0003_modality"),
        ("accounts", "0001_initial"),
        ("patients", "0002_wall"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", key()),
                (
                    "modality",
                    models.CharField(blank=True, choices=CHOICES, default="", max_length=20),
                ),
                ("ending", models.CharField(blank=True, max_length=10)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("length", models.PositiveBigIntegerField()),
                ("offset", models.PositiveBigIntegerField(db_column="received", default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("settling_until", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("problem", models.JSONField(default=dict)),
                ("clinic", clinic()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "instance",
                    models.ForeignKey(
                        null=True, on_delete=PROTECT, related_name="+", to="imaging.instance"
                    ),
                ),
                (
                    "lesion",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=PROTECT,
                        related_name="+",
                        to="patients.lesion",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=PROTECT, related_name="uploads", to="patients.patient"
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=PROTECT, related_name="uploads", to="imaging.study"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at"],
                "indexes": [
                    models.Index(fields=["clinic", "expires_at"], name="upload_by_expiry"),
                    models.Index(fields=["clinic", "created_by"], name="upload_of_person"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(offset__lte=F("length")),
                        name="upload_holds_no_more_than_its_length",
                    ),
                    models.CheckConstraint(
                        condition=Q(length__lte=64 * 1024 * 1024),
                        name="upload_is_within_the_limit",
                    ),
                    models.CheckConstraint(
                        condition=Q(ending__regex=r"^[a-z0-9]*$"),
                        name="upload_keeps_only_an_ending",
                    ),
                    models.CheckConstraint(
                        condition=Q(sha256="") | Q(sha256__regex=r"^[0-9a-f]{64}$"),
                        name="upload_sha256_is_hex",
                    ),
                    models.CheckConstraint(
                        condition=Q(settled_at__isnull=True, instance__isnull=True, problem={})
                        | Q(settled_at__isnull=False, instance__isnull=False, problem={})
                        | (Q(settled_at__isnull=False, instance__isnull=True) & ~Q(problem={})),
                        name="settled_upload_is_an_image_or_a_problem",
                    ),
                    models.UniqueConstraint(
                        fields=["study", "created_by", "sha256"],
                        condition=Q(settled_at__isnull=True) & ~Q(sha256=""),
                        name="one_open_upload_of_a_file",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UploadPart",
            fields=[
                ("id", key()),
                ("start", models.PositiveBigIntegerField()),
                ("size", models.PositiveBigIntegerField()),
                ("name", models.CharField(max_length=64)),
                ("clinic", clinic()),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="imaging.upload",
                    ),
                ),
            ],
            options={
                "ordering": ["start"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["upload", "start"], name="no_byte_arrives_twice"
                    ),
                    models.CheckConstraint(
                        condition=Q(size__gt=0), name="upload_part_is_not_empty"
                    ),
                ],
            },
        ),
        # The worker's sweep removes what has expired.
        protect("imaging_upload", worker="SELECT, DELETE"),
        protect("imaging_uploadpart", web="SELECT, INSERT, DELETE", worker="SELECT, DELETE"),
        same("imaging_upload", "study_id", "imaging_study", "patient_id", "clinic_id"),
        same("imaging_upload", "lesion_id", "patients_lesion", "patient_id", "clinic_id"),
        same("imaging_upload", "instance_id", "imaging_instance", "clinic_id"),
        same("imaging_uploadpart", "upload_id", "imaging_upload", "clinic_id"),
    ]
