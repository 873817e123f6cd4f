"""Whether there is a model for an image at all."""

from django import template
from django_stubs_ext import StrOrPromise

from imaging.models import Instance
from inference.selectors import active_model
from inference.services.requests import NO_MODEL

register = template.Library()


@register.filter
def without_model(instance: Instance) -> StrOrPromise:
    """Why nothing can be said of an image taken in this way; "" where a model reads such images."""
    return "" if active_model(instance.modality) else NO_MODEL[instance.modality]
