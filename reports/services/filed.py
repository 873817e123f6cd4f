"""What stands against filing an image as before: a doctor has judged it where it is now."""

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from imaging.models import Instance
from reports.models import Assessment


def objection_to_taking_back(instance: Instance) -> StrOrPromise | None:
    """A sentence when an assessment that stands has seen the image; else None."""
    judged = Assessment.objects.filter(study_id=instance.study_id, images__contains=[instance.pk])
    if judged.filter(withdrawal__isnull=True).exists():
        return _(
            "A doctor has assessed this image meanwhile. If it shows another lesion, assign it to "
            "that one: the assessment then asks to be looked at again."
        )
    return None
