"""The audit: what happened (Event) and the proof that nothing was touched since (Seal)."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from dermaclinic.audit.flag_review import FlagReview as FlagReview


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
    what was looked at. `mac` is an HMAC-SHA256 over the content (see `content.py`) under the key
    `key_id`. The table is partitioned by month, so PostgreSQL's own primary key is (id, at).
    """

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, editable=False)
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
    key_id = models.CharField(max_length=20)
    mac = models.BinaryField(max_length=32)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["uid", "at"], name="one_event_per_uid")
        ]
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

    `horizon` is the transaction id below which this pass found everything committed; `form` says
    what the signature covers (see `content.py`), `key_id` which of the sealer's keys made it.
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
    form = models.PositiveSmallIntegerField()
    key_id = models.CharField(max_length=20)
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
    """Which event stands where in a seal. Kept, since transaction ids do not survive a restore.

    `leaf` is the event's leaf in the Merkle tree as it was sealed: it tells which event differs
    when the root does. Seals of the first form have none.
    """

    event = models.OneToOneField(
        Event,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="sealed",
        db_constraint=False,
    )
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="members")
    position = models.PositiveIntegerField()
    leaf = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["seal", "position"], name="one_event_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.seal_id}:{self.position}"


class Anchor(models.Model):
    """A line that was written outside of the database: its number there and its signature."""

    number = models.PositiveBigIntegerField(primary_key=True)
    written_at = models.DateTimeField()
    mac = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return str(self.number)


class Delivery(models.Model):
    """How far the events have been sent to a collector: up to this place in this seal.

    `trouble` is why the last attempt failed, empty when it did not.
    """

    collector = models.CharField(max_length=255, primary_key=True)
    seal_id = models.BigIntegerField(default=0)
    sent = models.PositiveBigIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return self.collector
