"""The audit: what happened (Event) and the proof that nothing was touched since (Seal)."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _


class XidField(models.Field):
    """PostgreSQL's 64-bit transaction id (`xid8`), an int in Python."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else str(value)


class Outcome(models.TextChoices):
    SUCCESS = "success", _("done")
    DENIED = "denied", _("denied")
    FAILURE = "failure", _("failed")
    ALARM = "alarm", _("alarm")


class Event(models.Model):
    """One thing somebody did or saw. Written once; the database refuses every change.

    `object_*` and `patient_id` are plain values without foreign keys: the record of a look outlives
    what was looked at. `mac` is an HMAC-SHA256 over the content (see `content.py`).
    """

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    xid = XidField(db_default=RawSQL("pg_current_xact_id()", []), editable=False)
    at = models.DateTimeField()
    clinic = models.ForeignKey(
        "accounts.Clinic", on_delete=models.PROTECT, null=True, related_name="+"
    )
    actor = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    role = models.CharField(max_length=20)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    patient_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.SUCCESS)
    purpose = models.CharField(max_length=20, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    detail = models.JSONField(default=dict)
    mac = models.BinaryField(max_length=32)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["clinic", "-at"], name="event_by_time"),
            models.Index(fields=["clinic", "patient_id", "-at"], name="event_by_patient"),
            models.Index(fields=["clinic", "actor", "-at"], name="event_by_actor"),
            models.Index(fields=["xid", "id"], name="event_by_xid"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.action}"


class Seal(models.Model):
    """The sealer's signature under a run of a clinic's events, chained to the seal before it.

    `horizon` is the transaction id below which this pass found everything committed.
    """

    id = models.BigAutoField(primary_key=True)
    clinic = models.ForeignKey(
        "accounts.Clinic", on_delete=models.PROTECT, null=True, related_name="+"
    )
    number = models.PositiveBigIntegerField()
    sealed_at = models.DateTimeField()
    first_event = models.BigIntegerField()
    last_event = models.BigIntegerField()
    count = models.PositiveIntegerField()
    horizon = XidField()
    merkle_root = models.BinaryField(max_length=32)
    previous_mac = models.BinaryField(max_length=32)
    mac = models.BinaryField(max_length=32)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "number"],
                name="seals_are_a_line",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.clinic_id} {self.number}"


class SealedEvent(models.Model):
    """Which event stands where in a seal. Kept, since transaction ids do not survive a restore."""

    event = models.OneToOneField(
        Event,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="sealed",
        db_constraint=False,
    )
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="members")
    position = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seal", "position"], name="one_event_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.seal_id}:{self.position}"
