"""What somebody found out about an access that stood out."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from dermaclinic.accounts.tenancy import TenantModel


class FlagReview(TenantModel):
    """Who looked into it, when, and what they found. Written once; a second look is a new row.

    `kind`, `person`, `patient_id` and `begins` are the flag's (unusual.py), `accesses` how many
    there were of it by then. Nobody looks into their own accesses.
    """

    kind = models.CharField(max_length=20)
    person = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    patient_id = models.UUIDField(null=True)
    begins = models.DateTimeField()
    accesses = models.PositiveIntegerField()
    note = models.CharField(max_length=1000)
    reviewed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["reviewed_at"]
        indexes: ClassVar = [models.Index(fields=["clinic", "begins"], name="flag_review_by_time")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(note=""), name="flag_review_says_something"),
            models.CheckConstraint(
                condition=~Q(person=F("reviewed_by")), name="nobody_reviews_their_own_access"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.begins.isoformat()}"
