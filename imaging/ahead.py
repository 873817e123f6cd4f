"""An image that comes ahead of its visit: sent to the doctor whose next visit it is, and not looked
at by anybody."""

import uuid
from datetime import timedelta

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.selectors import did_lately
from dermaclinic.errors import NotFound
from imaging.models import Instance
from imaging.selectors import Rendition
from imaging.storage import vault

NAMED_FOR = timedelta(minutes=10)  # as long as static/js/ahead-worker.js holds it


def image_ahead(*, actor: Actor, instance_id: uuid.UUID) -> Rendition:
    """The bytes and the ETag of `selectors.rendition`, told as brought ahead.

    NotFound unless the actor was told within NAMED_FOR that the image's visit is the next one
    (`study.preloaded`): what is on record as unseen is not to be had of any other visit.
    """
    with clinic_context(actor.clinic_id):
        instance = policies.find(actor, "preload", Instance.objects.all(), pk=instance_id)
        if not did_lately(actor, "study.preloaded", instance.study_id, within=NAMED_FOR):
            audit.not_found(actor, verb="preload", model=Instance, lookup={"pk": instance_id})
            raise NotFound
        audit.preloaded_image(actor, instance)
    name = instance.image_name
    return Rendition(vault().get(name), instance.media_type, etag=f'"{name[:32]}"')
