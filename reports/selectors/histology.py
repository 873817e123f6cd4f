"""What histology found in a lesion, with every version."""

import uuid
from dataclasses import dataclass

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from patients.models import Lesion
from reports.models import Histology


@dataclass(frozen=True)
class LesionHistology:
    """A lesion's results, newest first."""

    lesion: Lesion
    versions: list[Histology]

    @property
    def former(self) -> Histology | None:
        """The version that a new one follows."""
        return self.versions[0] if self.versions else None

    @property
    def result(self) -> Histology | None:
        """The result that holds; None where there is none, or it was taken back."""
        return self.former if self.former and self.former.diagnosis else None


def histology(actor: Actor, lesion_id: uuid.UUID) -> LesionHistology:
    """A look that is written down."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", Histology)
        rows = Lesion.objects.select_related("patient")
        lesion = policies.find(actor, "view", rows, pk=lesion_id)
        audit.viewed_histology(actor, lesion)
        versions = Histology.objects.filter(lesion=lesion).select_related("author")
        return LesionHistology(lesion, list(versions))
