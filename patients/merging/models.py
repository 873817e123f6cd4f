"""A merge of two records, with everything that its undoing needs; and the undoing."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from dermaclinic.accounts.tenancy import TenantModel


class Merge(TenantModel):
    """Two records became one. Written once, by the database's own function (`sql.py`).

    `identity` is {"survivor": {...}, "closed": {...}}: who the two were before, `chosen` the
    fields whose value came from the closed record, `result` who both are since. `sealed` holds the
    same of the contact data. `moved` and `kept` are {table: [row id, …]}: the rows that came, and
    those that were there. `numbers` is {lesion id: number in the closed record}, `twins` the images
    whose bytes were in both records.
    """

    survivor = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    closed = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    identity = models.JSONField()
    chosen = models.JSONField()
    result = models.JSONField()
    sealed = models.BinaryField()
    moved = models.JSONField()
    kept = models.JSONField()
    numbers = models.JSONField()
    twins = ArrayField(models.UUIDField())

    class Meta:
        ordering: ClassVar = ["-merged_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(survivor=F("closed")), name="merge_is_of_two_records"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="merge_says_why"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["survivor", "merged_at"], name="merges_into_a_record"),
            models.Index(fields=["closed", "merged_at"], name="merges_of_a_record"),
        ]

    def __str__(self) -> str:
        return f"{self.closed_id} into {self.survivor_id}"


class MergeUndo(TenantModel):
    """A merge was taken back. Written once, like the merge.

    `moved` is {table: [row id, …]}: what went back to the record that is open again.
    """

    merge = models.OneToOneField(Merge, on_delete=models.PROTECT, related_name="undo")
    undone_at = models.DateTimeField()
    undone_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    moved = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="undoing_a_merge_says_why")
        ]

    def __str__(self) -> str:
        return f"undo of {self.merge_id}"
