"""An image that comes ahead of its visit: sent to whoever may look at it, and not looked at."""

import uuid

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.selectors import Rendition
from imaging.storage import vault


def image_ahead(*, actor: Actor, instance_id: uuid.UUID) -> Rendition:
    """The bytes and the ETag of `selectors.rendition`, told as brought ahead."""
    with clinic_context(actor.clinic_id):
        instance = policies.find(actor, "view", Instance.objects.all(), pk=instance_id)
        audit.preloaded_image(actor, instance)
    name = instance.image_name
    return Rendition(vault().get(name), instance.media_type, etag=f'"{name[:32]}"')
