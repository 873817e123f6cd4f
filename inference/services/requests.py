"""Asking for an opinion: when an image is admitted or moved, and when somebody wants one.

The model is the one that is active for images taken in this way. No row is made when the patient
has not agreed to a software opinion, or when there is no such model: never another kind's.

A model in the shadow of the active one is asked beside it (services/shadow.py).
"""

import uuid

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic import audit, bell
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Unavailable
from imaging.models import Instance, Modality
from inference.models import ModelVersion, Prediction, Status
from inference.selectors import active_model
from inference.services import shadow
from patients.models import Purpose
from patients.services import allows

NO_CONSENT = _("The patient has not agreed to a second opinion by software.")
NO_MODEL: dict[str, StrOrPromise] = {
    Modality.DERMOSCOPY: _(
        "No model for dermoscopic images is active. An administrator can activate one."
    ),
    Modality.CLINICAL: _(
        "No model for clinical photographs is active. An administrator can activate one."
    ),
    Modality.OTHER: _("There is no model for this kind of image."),
}
PENDING = [Status.QUEUED, Status.RUNNING]


def request_for(actor: Actor, instance: Instance) -> Prediction | None:
    """Queue the first opinion on an image; None when there is to be none.

    A step of the transaction that admits the image. Asked twice, it answers with the same row.
    """
    with clinic_context(actor.clinic_id):
        model = active_model(instance.modality)
        if model is None or not allows(instance.patient, Purpose.AI_OPINION):
            return None
        prediction, created = Prediction.objects.get_or_create(
            instance=instance,
            model_version=model,
            rerun=0,
            defaults={"clinic_id": actor.clinic_id, "requested_by": actor.user},
        )
        if created:
            _announce(actor, prediction, instance)
    return prediction


def request_again(actor: Actor, instance: Instance) -> Prediction | None:
    """What is known of this image has changed: its opinion is asked for anew.

    A step of the transaction that moves the image, which holds the image's lock. Pending opinions
    become SUPERSEDED. Where no new opinion may be asked for, an earlier one must not stand beside
    the image's new patient either: a DECLINED row that says why takes its place.
    """
    with clinic_context(actor.clinic_id):
        earlier = Prediction.objects.filter(instance=instance)
        earlier.filter(status__in=PENDING).update(
            status=Status.SUPERSEDED, lease_token=None, lease_expires_at=None
        )
        shadow.set_aside(actor, instance)
        model = active_model(instance.modality)
        allowed = allows(instance.patient, Purpose.AI_OPINION)
        if model is not None and allowed:
            return _queue(actor, instance, model)
        if (last := earlier.order_by("-rerun", "-requested_at").first()) is not None:
            reason = NO_MODEL[instance.modality] if allowed else NO_CONSENT
            _decline(actor, last, instance, reason)
    return None


def request_first(*, actor: Actor, instance_id: uuid.UUID) -> Prediction:
    """The first opinion on an image that has none: it came before its model, or before consent.

    Somebody asks; a yes to software opinions alone does not reach back to images taken before it.
    Raises NotFound; Forbidden; Conflict when there is an opinion or no consent; Unavailable without
    an active model.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "add", Prediction)
        images = Instance.objects.select_for_update()
        instance = policies.find(actor, "view", images, pk=instance_id)
        if instance.predictions.exclude(status=Status.SUPERSEDED).exists():
            raise Conflict(_("There is an opinion on this image already, or it is being made."))
        return _ask(actor, instance)


def rerun(*, actor: Actor, prediction_id: uuid.UUID) -> Prediction:
    """Another opinion on the same image by the active model, numbered, at a doctor's wish.

    Raises NotFound; Forbidden; Conflict while one is pending or without consent; Unavailable
    without an active model.
    """
    with clinic_context(actor.clinic_id):
        asked = policies.find(actor, "rerun", Prediction.objects.all(), pk=prediction_id)
        instance = Instance.objects.select_for_update().get(pk=asked.instance_id)
        if instance.predictions.filter(status__in=PENDING).exists():
            raise Conflict(_("An opinion on this image is being made already."))
        return _ask(actor, instance)


def _ask(actor: Actor, instance: Instance) -> Prediction:
    if not allows(instance.patient, Purpose.AI_OPINION):
        raise Conflict(NO_CONSENT)
    model = active_model(instance.modality)
    if model is None:
        raise Unavailable(NO_MODEL[instance.modality])
    return _queue(actor, instance, model)


def _next_number(instance: Instance) -> int:
    highest = instance.predictions.aggregate(highest=Max("rerun"))["highest"]
    return 0 if highest is None else highest + 1


def _queue(actor: Actor, instance: Instance, model: ModelVersion) -> Prediction:
    prediction = Prediction.objects.create(
        clinic_id=actor.clinic_id,
        instance=instance,
        model_version=model,
        rerun=_next_number(instance),
        requested_by=actor.user,
    )
    _announce(actor, prediction, instance)
    return prediction


def _decline(actor: Actor, last: Prediction, instance: Instance, reason: StrOrPromise) -> None:
    declined = Prediction.objects.create(
        clinic_id=actor.clinic_id,
        instance=instance,
        model_version_id=last.model_version_id,
        rerun=_next_number(instance),
        requested_by=actor.user,
        status=Status.DECLINED,
        declined_reason=str(reason),
        finished_at=timezone.now(),
    )
    audit.recorded_predictions(actor, [(declined, instance.patient_id)])


def _announce(actor: Actor, prediction: Prediction, instance: Instance) -> None:
    audit.requested_prediction(actor, prediction)
    shadow.queue_beside(actor, instance, prediction)
    bell.ring(bell.INFERENCE)
