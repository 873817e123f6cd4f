"""Visits and their images; what was refused, and what is held until somebody decides."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from patients.models import Lesion, Patient


def new_uid() -> str:
    """A DICOM UID derived from a UUID (PS3.5 Annex B.2)."""
    return f"2.25.{uuid.uuid4().int}"


class Study(TenantModel):
    """A visit: all images of a patient taken on one occasion (a DICOM Study)."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    acquired_at = models.DateTimeField(_("date of the visit"), default=timezone.now)
    study_instance_uid = models.CharField(max_length=64, default=new_uid)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-acquired_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "study_instance_uid"],
                name="study_uid_is_unique_in_a_clinic",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["patient", "-acquired_at"], name="study_of_patient"),
            models.Index(fields=["clinic", "-acquired_at"], name="study_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.acquired_at:%Y-%m-%d}"


class Format(models.TextChoices):
    JPEG = "jpeg", "JPEG"
    PNG = "png", "PNG"
    DICOM = "dicom", "DICOM"


class Modality(models.TextChoices):
    """How an image was taken: it decides which network may look at it, if any."""

    DERMOSCOPY = "dermoscopy", _("Dermoscopy")
    CLINICAL = "clinical", _("Clinical photograph")
    OTHER = "other", _("Other kind of image")


class Instance(TenantModel):
    """An admitted image. The bytes are in the vault under the three `*_name`s.

    `sha256` is of the bytes as received: the same bytes twice for one patient are one instance.
    Only where two records became one may each have brought them: the second is a `twin`.
    `source` keeps non-identifying DICOM attributes; `quality` the verdict and its reasons.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="instances")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="instances")
    lesion = models.ForeignKey(
        Lesion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="instances",
    )
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=10, choices=Format)
    modality = models.CharField(
        _("kind of image"), max_length=20, choices=Modality, default=Modality.DERMOSCOPY
    )
    media_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    image_name = models.CharField(max_length=64)
    thumbnail_name = models.CharField(max_length=64)
    original_name = models.CharField(max_length=64, blank=True)
    twin = models.BooleanField(default=False, db_default=False, editable=False)
    sop_instance_uid = models.CharField(max_length=64, default=new_uid)
    source = models.JSONField(default=dict)
    quality = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["patient", "sha256"],
                condition=Q(twin=False),
                name="same_bytes_once_per_patient",
            ),
            models.UniqueConstraint(
                fields=["clinic", "sop_instance_uid"],
                name="sop_uid_is_unique_in_a_clinic",
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="instance_sha256_is_hex",
            ),
            models.CheckConstraint(
                condition=Q(modality__in=Modality.values), name="instance_modality_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "sha256"], name="instance_by_content"),
            models.Index(fields=["lesion", "created_at"], name="instance_of_lesion"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Rejection(TenantModel):
    """A file that was refused, and why. Nothing of the file itself is kept."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, null=True, related_name="rejections"
    )
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="rejections")
    code = models.CharField(max_length=40)
    reason = models.TextField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    rejected_at = models.DateTimeField(auto_now_add=True)
    rejected_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-rejected_at"]

    def __str__(self) -> str:
        return self.code


class Quarantine(TenantModel):
    """A good image whose patient is in doubt, held until somebody decides.

    `differences` lists what did not fit: {field: {"file": …, "record": …}}. The sealed bytes as
    received are in the vault under `held_name`. `modality` is what the sender said, "" for nothing.
    """

    class Kind(models.TextChoices):
        MISMATCH = "mismatch", _("The file names another person")
        OTHER_PATIENT = (
            "other_patient",
            _("The same image is in another patient's record"),
        )

    class Resolution(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DISCARDED = "discarded", _("discarded")

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="quarantined")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="quarantined")
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, null=True, related_name="+")
    modality = models.CharField(max_length=20, choices=Modality, blank=True, default="")
    kind = models.CharField(max_length=20, choices=Kind)
    differences = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64)
    held_name = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    resolution = models.CharField(max_length=20, choices=Resolution, default=Resolution.OPEN)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    identifiers = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["patient", "sha256"],
                condition=Q(resolution="open"),
                name="held_once_per_patient",
            ),
            models.CheckConstraint(
                condition=Q(resolution="open")
                | (Q(resolved_by__isnull=False) & ~Q(reason="") & Q(resolved_at__isnull=False)),
                name="resolution_has_a_person_and_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.resolution}"


class Upload(TenantModel):
    """A file that arrives in parts (imaging/services/arriving.py): it may be broken off and go on.

    `offset` bytes of `length` are there. Of the file's name only the ending is kept, since people
    name files after patients; `sha256` is the sender's word for the whole file, "" for none.
    Settled, it is an image or was turned away (`problem`: what its sender was told), and the answer
    can be asked for again until `expires_at`.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="uploads")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="uploads")
    lesion = models.ForeignKey(
        Lesion, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    modality = models.CharField(max_length=20, choices=Modality, blank=True, default="")
    ending = models.CharField(max_length=10, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    length = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0, db_column="received")  # SQL has that word
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    settling_until = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, null=True, related_name="+")
    problem = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(offset__lte=F("length")), name="upload_holds_no_more_than_its_length"
            ),
            models.CheckConstraint(
                condition=Q(length__lte=64 * 1024 * 1024), name="upload_is_within_the_limit"
            ),
            models.CheckConstraint(
                condition=Q(ending__regex=r"^[a-z0-9]*$"), name="upload_keeps_only_an_ending"
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
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "expires_at"], name="upload_by_expiry"),
            models.Index(fields=["clinic", "created_by"], name="upload_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.offset} of {self.length} bytes"


class UploadPart(TenantModel):
    """Bytes of an upload from `start` on, sealed in the vault under `name`."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    start = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    name = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["start"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "start"], name="no_byte_arrives_twice"),
            models.CheckConstraint(condition=Q(size__gt=0), name="upload_part_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.size} bytes from {self.start}"
