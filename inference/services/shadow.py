"""A model in the shadow of the active one: it reads the same images, nobody is shown what it says.

Its rows stand in the same queue, behind those that somebody waits for. Afterwards both are compared
with what the doctors found (reports/selectors/shadow.py).
"""

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict
from imaging.models import Instance
from inference.models import ModelVersion, Prediction, Status
from inference.services import changes
from inference.services.changes import OWNER, Action, Author

PENDING = [Status.QUEUED, Status.RUNNING]


def queue_beside(actor: Actor, instance: Instance, prediction: Prediction) -> Prediction | None:
    """Ask the shadow of the image's modality, too, for its opinion beside `prediction`.

    A step of the transaction that queues `prediction`, whose caller has seen to consent and rung
    the bell. None without a model in the shadow. Asked twice, it answers with the same row.
    """
    with clinic_context(actor.clinic_id):
        model = ModelVersion.objects.filter(shadow=True, modality=instance.modality).first()
        if model is None:
            return None
        beside, created = Prediction.shadows.get_or_create(
            instance=instance,
            model_version=model,
            rerun=prediction.rerun,
            shadow=True,
            defaults={"clinic_id": actor.clinic_id, "requested_by": actor.user},
        )
        if created:
            audit.requested_shadow(actor, beside)
    return beside


def set_aside(actor: Actor, instance: Instance) -> int:
    """Withdraw what a shadow has not said yet of an image; the number of rows.

    A step of the transaction that changes what is known of the image.
    """
    with clinic_context(actor.clinic_id):
        return _withdraw(instance=instance, clinic_id=actor.clinic_id)


def start(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Let a model run in the shadow of the active one of its modality, in place of another one.

    Raises NotFound; Forbidden; Conflict for the model that answers.
    """
    with transaction.atomic():
        policies.require(actor, "shadow", ModelVersion)
        return _start(Author(actor), model_id)


def start_as_owner(*, model_id: uuid.UUID) -> ModelVersion:
    """The same from the command line, by the installation's owner."""
    with transaction.atomic():
        return _start(OWNER, model_id)


def stop(*, actor: Actor, model_id: uuid.UUID) -> ModelVersion:
    """Let a model no longer run in the shadow. What it has not read yet is withdrawn.

    Raises NotFound; Forbidden; Conflict when it does not run there.
    """
    with transaction.atomic():
        policies.require(actor, "shadow", ModelVersion)
        model, _others = changes.locked(model_id)
        if not model.shadow:
            raise Conflict(_("%(model)s does not run in the shadow.") % {"model": model})
        stop_locked(Author(actor), model)
    return model


def stop_locked(author: Author, model: ModelVersion) -> None:
    """The same as a step of another change, which holds the lock."""
    model.shadow = False
    model.save(update_fields=["shadow"])
    for clinic_id in Clinic.objects.order_by("pk").values_list("pk", flat=True):
        with clinic_context(clinic_id):
            _withdraw(model_version=model, clinic_id=clinic_id)
    changes.keep(
        author,
        Action.UNSHADOWED,
        model,
        previous=None,
        tell=lambda there: audit.unshadowed_model(there, model),
    )


def _start(author: Author, model_id: uuid.UUID) -> ModelVersion:
    model, models = changes.locked(model_id)
    if model.active:
        raise Conflict(_("%(model)s answers now: it cannot be its own shadow.") % {"model": model})
    if model.shadow:
        return model
    for other in models:
        if other.shadow:
            stop_locked(author, other)
    model.shadow = True
    model.save(update_fields=["shadow"])
    changes.keep(
        author,
        Action.SHADOWED,
        model,
        previous=None,
        tell=lambda there: audit.shadowed_model(there, model),
    )
    return model


def _withdraw(**which: Any) -> int:
    waiting = Prediction.shadows.filter(status__in=PENDING, **which)
    return waiting.update(status=Status.SUPERSEDED, lease_token=None, lease_expires_at=None)
