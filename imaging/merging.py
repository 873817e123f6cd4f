"""What the visits and images of two records mean for their merge."""

import uuid
from collections.abc import Sequence

from django.db.models import Count
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from dermaclinic.accounts.actor import Actor
from imaging.models import Instance, Quarantine
from patients.merging.steps import Note, Obstacle


def held_twice(actor: Actor, patients: Sequence[uuid.UUID]) -> list[Obstacle]:
    """One file that is held for both records: a record can have it held once."""
    held = Quarantine.objects.filter(patient_id__in=patients, resolution="open")
    twice = held.values("sha256").annotate(held=Count("pk")).filter(held__gt=1)
    return [
        Obstacle(
            _("The same file is held back in both records. Decide on one of them first."),
            reverse("imaging:held-item", args=[each.pk]),
        )
        for each in held.filter(sha256__in=twice.values("sha256")).order_by("created_at")[:1]
    ]


def in_both(patients: Sequence[uuid.UUID]) -> list[Note]:
    """Images whose bytes are in both records: nothing is lost, and each is named."""
    survivor, other = patients
    ours = Instance.objects.filter(patient_id=survivor).values("sha256")
    twins = Instance.objects.filter(patient_id=other, sha256__in=ours).select_related("study")
    return [
        Note(
            _(
                "An image of the visit of %(day)s is in both records. Both stay, each in its "
                "visit; when the same file comes a third time it is known."
            )
            % {"day": formats.date_format(timezone.localtime(each.study.acquired_at), "j M Y")},
            reverse("imaging:instance", args=[each.pk]),
        )
        for each in twins.order_by("created_at")
    ]
