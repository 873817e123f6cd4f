"""What the machine says: which model, and its opinion on an image. The table is also the queue."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Instance


class ModelVersion(models.Model):
    """A registered model package; `manifest` is its manifest.toml.

    For each modality at most one is active and answers; one more may run in its shadow, whose
    answers no page about a patient shows. `metrics` is the package's metrics.json (see
    evaluation/report.py for its shape) and `card` its card.md: no page needs the package itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64, unique=True)
    manifest = models.JSONField()
    modality = models.CharField(max_length=20, default="dermoscopy")
    active = models.BooleanField(default=False)
    shadow = models.BooleanField(default=False)
    metrics = models.JSONField(null=True)
    card = models.TextField(blank=True)
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="model_version_is_unique"),
            models.UniqueConstraint(
                fields=["modality"],
                condition=Q(active=True),
                name="one_active_model_per_modality",
            ),
            models.UniqueConstraint(
                fields=["modality"],
                condition=Q(shadow=True),
                name="one_shadow_model_per_modality",
            ),
            models.CheckConstraint(
                condition=~Q(active=True, shadow=True), name="active_model_is_no_shadow"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ModelChange(models.Model):
    """Who put a model into service or out of it, and when; never changed or removed (a trigger).

    `previous` is the model that answered before, if another did. `by` is None when it was done on
    the server, by the installation's owner. Holds nothing of patients.
    """

    class Action(models.TextChoices):
        ACTIVATED = "activated", _("put into service")
        DEACTIVATED = "deactivated", _("taken out of service")
        ROLLED_BACK = "rolled_back", _("rolled back to")
        SHADOWED = "shadowed", _("set to run in the shadow")
        UNSHADOWED = "unshadowed", _("stopped running in the shadow")

    id = models.BigAutoField(primary_key=True)
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="changes")
    action = models.CharField(max_length=12, choices=Action)
    previous = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+"
    )
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    action__in=[
                        "activated",
                        "deactivated",
                        "rolled_back",
                        "shadowed",
                        "unshadowed",
                    ]
                ),
                name="model_change_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.model_id}"


class Status(models.TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("being read")
    READY = "ready", _("ready")
    DECLINED = "declined", _("declined")
    FAILED = "failed", _("failed")
    SUPERSEDED = "superseded", _("superseded")


FINAL = [Status.READY, Status.DECLINED, Status.FAILED, Status.SUPERSEDED]


class Opinions(models.Manager["Prediction"]):
    """What people asked for. Whoever reads opinions the usual way meets no other."""

    def get_queryset(self) -> models.QuerySet["Prediction"]:
        return super().get_queryset().filter(shadow=False)


class Shadows(models.Manager["Prediction"]):
    """What a model said in the shadow of the active one: for comparing them, for nobody's care."""

    def get_queryset(self) -> models.QuerySet["Prediction"]:
        return super().get_queryset().filter(shadow=True)


class Prediction(TenantModel):
    """One opinion of one model on one image; immutable once final (a trigger sees to it).

    `result` is the differential and its evidence as the engine found it (see services/record.py);
    `saliency` is the heat map's small grid of the first class, one byte a cell, `saliency_shape`
    its rows and columns; `melanoma_saliency` the same for melanoma. `mask` is the lesion's
    probability over the whole frame, one byte a cell, `mask_shape` its rows and columns.
    `embedding` is a vector of unit length, float16. An opinion in the `shadow` of the active model
    is shown to no patient's doctor: `objects`, and with it an image's `predictions`, leave it out.
    It stands beside the opinion on the same image with the same `rerun`.
    """

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="predictions")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    rerun = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    requested_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    declined_reason = models.TextField(blank=True)
    malignant_probability = models.FloatField(null=True)
    triage = models.CharField(max_length=10, blank=True)
    result = models.JSONField(null=True)
    saliency = models.BinaryField(null=True)
    saliency_shape = models.JSONField(null=True)
    melanoma_saliency = models.BinaryField(null=True)
    mask = models.BinaryField(null=True)
    mask_shape = models.JSONField(null=True)
    embedding = models.BinaryField(null=True)
    shadow = models.BooleanField(default=False)

    objects: ClassVar[models.Manager["Prediction"]] = Opinions()
    shadows: ClassVar[models.Manager["Prediction"]] = Shadows()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["instance", "model_version", "rerun", "shadow"], name="same_work_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="prediction_status_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="running")
                | Q(lease_token__isnull=False, lease_expires_at__isnull=False),
                name="running_has_a_lease",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready")
                | Q(result__isnull=False, malignant_probability__range=(0, 1)),
                name="ready_has_a_result",
            ),
            models.CheckConstraint(
                condition=~Q(status="declined") | ~Q(declined_reason=""),
                name="declined_has_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(error=""), name="failed_has_an_error"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["requested_at"], condition=Q(status="queued"), name="queue_in_order"
            ),
            models.Index(
                fields=["lease_expires_at"], condition=Q(status="running"), name="running_leases"
            ),
            models.Index(fields=["instance", "-rerun"], name="newest_opinion"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def pending(self) -> bool:
        """Waiting or being read: a page that shows it asks again."""
        return self.status in (Status.QUEUED, Status.RUNNING)
