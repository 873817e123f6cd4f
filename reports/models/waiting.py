"""Which visits wait for a doctor, and where they stand."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dermaclinic.accounts.tenancy import TenantModel
from imaging.models import Study


class Waiting(TenantModel):
    """A visit with an image that nobody has assessed, or that belongs to no lesion yet.

    It says nothing that images, opinions and assessments do not: services keep it
    (services/waiting.py), so that the worklist need not ask every visit that there ever was.
    `place` is a text that sorts: the visit's place in the worklist, `blinded_place` the one that
    tells no probability. `stale`: something has changed since; triggers on opinions, consents and
    visits say so, and whoever reads the list next computes the place anew.
    """

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="waiting")
    place = models.TextField(null=True, db_collation="C")  # noqa: DJ001 - None: not known yet
    blinded_place = models.TextField(null=True, db_collation="C")  # noqa: DJ001 - likewise
    stale = models.BooleanField(default=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["clinic", "place"], name="waiting_in_order"),
            models.Index(fields=["clinic", "blinded_place"], name="waiting_in_blinded_order"),
            models.Index(fields=["clinic"], condition=Q(stale=True), name="waiting_anew"),
        ]

    def __str__(self) -> str:
        return str(self.study_id)
