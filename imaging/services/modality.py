"""How an image was taken: what the file says of it, what the sender says, and corrections."""

import uuid

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging import steps
from imaging.formats import DicomTags
from imaging.models import Instance, Modality
from patients.models import Patient

# The attribute comes first: before DICOM had a class for dermoscopy, photographs carried it.
_BY_MODALITY = {"DMS": Modality.DERMOSCOPY, "US": Modality.OTHER}
_BY_SOP_CLASS = {
    "1.2.840.10008.5.1.4.1.1.77.1.7": Modality.DERMOSCOPY,  # Dermoscopic Photography
    "1.2.840.10008.5.1.4.1.1.77.1.4": Modality.CLINICAL,  # VL Photographic
    "1.2.840.10008.5.1.4.1.1.6.1": Modality.OTHER,  # Ultrasound
}


def told_by(tags: DicomTags | None) -> Modality:
    """What a file says of itself; dermoscopy where it says nothing, as a JPEG does."""
    if tags is None:
        return Modality.DERMOSCOPY
    by_class = _BY_SOP_CLASS.get(tags.sop_class_uid, Modality.DERMOSCOPY)
    return _BY_MODALITY.get(tags.modality, by_class)


def checked(modality: str) -> str:
    """What a sender says, "" for nothing. Raises Invalid for a kind that is not known."""
    if modality and modality not in Modality.values:
        sentence = _("This kind of image is not known.")
        raise Invalid(sentence, errors={"modality": [sentence]})
    return modality


def correct_modality(*, actor: Actor, instance_id: uuid.UUID, modality: str) -> Instance:
    """Say anew how an image was taken. Its opinion is asked for again, of the model for that kind.

    Raises NotFound, Forbidden, Invalid, and Conflict when the image was moved meanwhile.
    """
    if not checked(modality):
        sentence = _("Choose the kind of image.")
        raise Invalid(sentence, errors={"modality": [sentence]})
    with clinic_context(actor.clinic_id):
        seen = policies.find(actor, "assign", Instance.objects.all(), pk=instance_id)
        # The patient's lock first, as in moving and signing: no report is signed meanwhile.
        Patient.objects.select_for_update().get(pk=seen.patient_id)
        instance = Instance.objects.select_for_update().get(pk=instance_id)
        if instance.patient_id != seen.patient_id:
            raise Conflict(_("The image has been moved meanwhile. Look at it again."))
        if instance.modality == modality:
            audit.viewed_image(actor, instance, rendition="record")  # the answer shows it
            return instance
        former, instance.modality = instance.modality, modality
        instance.save(update_fields=["modality"])
        audit.corrected_image_kind(actor, instance, former=former)
        for step in steps.on_moved:
            step(actor, instance, instance.patient_id)
    return instance
