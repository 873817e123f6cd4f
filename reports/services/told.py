"""Opinions that were formed with something that is no longer so."""

from django.db.models import Exists, OuterRef

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from inference.models import Prediction
from inference.services.requests import request_again
from patients.models import Lesion
from reports.models import Assessment


def ask_again(actor: Actor, lesion: Lesion) -> None:
    """The lesion's site is another: ask anew for what nobody has assessed yet.

    A step of the transaction that changes the site. What was assessed keeps the opinion that stood
    beside it, and an image that had none gets none. An image in somebody's hands is being filed
    anew, and asks by itself.
    """
    with clinic_context(actor.clinic_id):
        made = Assessment.objects.standing().filter(lesion=lesion)
        assessed = {pk for seen in made.values_list("images", flat=True) for pk in seen}
        asked = Prediction.objects.filter(instance=OuterRef("pk"))
        images = (
            Instance.objects.select_for_update(skip_locked=True, of=["self"])
            .filter(Exists(asked), lesion=lesion)
            .select_related("patient")
            .order_by("pk")
        )
        for image in images:
            if image.pk not in assessed:
                request_again(actor, image)
