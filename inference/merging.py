"""What opinions mean for a merge of two records: one that is being formed is waited for."""

import uuid
from collections.abc import Sequence

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from dermaclinic.accounts.actor import Actor
from inference.models import Prediction, Status
from patients.merging.steps import Obstacle


def running(actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """A worker reads an image with the age and sex of the record as it is now."""
    read = Prediction.objects.filter(
        instance__patient_id__in=patients, status=Status.RUNNING, lease_expires_at__gt=Now()
    )
    if not read.exists():
        return []
    return [
        Obstacle(
            _("The software is reading an image of this record at the moment. Try in a minute.")
        )
    ]
