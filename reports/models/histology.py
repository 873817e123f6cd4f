"""What the pathologist found."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dermaclinic.accounts.tenancy import TenantModel
from patients.models import Lesion, Patient


class Histology(TenantModel):
    """What the pathologist found in a lesion. Written once; the newest version of a lesion holds.

    `diagnosis` is a SNOMED CT code, `reported_on` the day of the pathologist's report. A later
    version says in `reason` why the one before no longer holds; without a `diagnosis` it takes it
    back, and the lesion has no result again.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="histologies")
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, related_name="histologies")
    version = models.PositiveIntegerField()
    diagnosis = models.CharField(max_length=18, blank=True)
    reported_on = models.DateField()
    reason = models.TextField(blank=True)
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lesion", "version"], name="one_histology_per_version"),
            models.CheckConstraint(
                condition=Q(version=1) & ~Q(diagnosis="") | Q(version__gt=1) & ~Q(reason=""),
                name="later_histology_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lesion_id} v{self.version}"
