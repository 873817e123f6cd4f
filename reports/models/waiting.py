"""Which visits wait for a doctor."""

from django.db import models

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Study


class Waiting(TenantModel):
    """A visit with an image that nobody has assessed, or that belongs to no lesion yet.

    It says nothing that images and assessments do not: services keep it (services/waiting.py), so
    that the worklist need not ask every visit that there ever was.
    """

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="waiting")

    def __str__(self) -> str:
        return str(self.study_id)
