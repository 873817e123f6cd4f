"""Correcting where an image is filed: to a lesion, or to another visit or patient."""

import hashlib
import uuid

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging import steps
from imaging.models import Instance, Study
from imaging.services.ingest import check_consent
from imaging.storage import name_for, vault
from patients.models import Lesion, Patient

STORED = ("image_name", "thumbnail_name", "original_name")


def assign_lesion(*, actor: Actor, instance_id: uuid.UUID, lesion_id: uuid.UUID) -> Instance:
    """Say which of the patient's lesions an image shows."""
    with clinic_context(actor.clinic_id):
        seen = policies.find(actor, "assign", Instance.objects.all(), pk=instance_id)
        # The patient's lock first, as in moving and signing: no report is signed meanwhile.
        Patient.objects.select_for_update().get(pk=seen.patient_id)
        instance = Instance.objects.select_for_update().get(pk=instance_id)
        if instance.patient_id != seen.patient_id:
            raise Conflict(_("The image has been moved meanwhile. Look at it again."))
        lesions = Lesion.objects.filter(patient_id=instance.patient_id)
        lesion = policies.find(actor, "view", lesions, pk=lesion_id)
        if instance.lesion_id == lesion.pk:
            audit.viewed_image(actor, instance, rendition="record")  # the answer shows it
            return instance
        instance.lesion = lesion
        instance.save(update_fields=["lesion"])
        audit.assigned_image(actor, instance, lesion=lesion.pk)
        # The body site is part of what the network is told: an opinion without it is out of date.
        for step in steps.on_moved:
            step(actor, instance, instance.patient_id)
        for filed in steps.on_filed:
            filed([instance.study_id])
    return instance


def move_instance(
    *,
    actor: Actor,
    instance_id: uuid.UUID,
    study_id: uuid.UUID,
    reason: str,
    lesion_id: uuid.UUID | None = None,
) -> Instance:
    """Move a misfiled image to another visit, of the same or another patient.

    Its opinion is asked for again, and a signed report on it is flagged (imaging/steps.py).
    Conflict when the other patient has the same image, or has not agreed to photographs.
    """
    reason = reason.strip()
    if not reason:
        sentence = _("Say why: the reason stays on record.")
        raise Invalid(sentence, errors={"reason": [sentence]})
    with clinic_context(actor.clinic_id):
        instance = policies.find(actor, "move", Instance.objects.all(), pk=instance_id)
        study = policies.find(actor, "view", Study.objects.select_related("patient"), pk=study_id)
    copies = _copy(instance, study.patient)
    with clinic_context(actor.clinic_id):
        patient_ids = sorted({instance.patient_id, study.patient_id})
        locked = {p.pk: p for p in Patient.objects.select_for_update().filter(pk__in=patient_ids)}
        instance = policies.find(
            actor, "move", Instance.objects.select_for_update(), pk=instance_id
        )
        former, left = instance.patient_id, instance.study_id
        if former not in locked or instance.study_id == study.pk:
            raise Conflict(_("The image has been moved meanwhile, or is in this visit already."))
        check_consent(locked[study.patient_id])
        twins = Instance.objects.filter(patient_id=study.patient_id, sha256=instance.sha256)
        if former != study.patient_id and twins.exists():
            raise Conflict(_("The same image is in this patient's record already."))
        lesions = Lesion.objects.filter(patient_id=study.patient_id)
        lesion = policies.find(actor, "view", lesions, pk=lesion_id) if lesion_id else None
        instance.study, instance.patient_id, instance.lesion = (
            study,
            study.patient_id,
            lesion,
        )
        for field, name in copies.items():
            setattr(instance, field, name)
        instance.save()
        audit.moved_image(actor, instance, from_patient=former, reason=reason)
        for step in steps.on_moved:
            step(actor, instance, former)
        for filed in steps.on_filed:
            filed([left, study.pk])
    return instance


def _copy(instance: Instance, patient: Patient) -> dict[str, str]:
    """Seal the image's parts under the other patient's names: patients never share an object.

    What nobody refers to any more is removed by the hourly sweep.
    """
    copies = {}
    for field in STORED:
        if not (name := getattr(instance, field)):
            continue
        content = vault().get(name)
        digest = hashlib.sha256(content).hexdigest()
        copies[field] = name_for(instance.clinic_id, patient.pk, digest)
        vault().put(copies[field], content)
    return copies
