"""Giving many images to a lesion at once, and taking that back.

Taking back stands open as long as nobody has assessed the image (`steps.before_taking_back`): from
then on a doctor's word hangs on it.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, Invalid
from imaging import steps
from imaging.models import Instance, Study
from patients.models import Lesion, Patient

Former = Mapping[uuid.UUID, uuid.UUID | None]


@dataclass(frozen=True)
class Assigned:
    """The images as they are now, and the lesions they were filed under before, by image."""

    images: list[Instance]
    former: dict[uuid.UUID, uuid.UUID | None]


def assign_images(
    *, actor: Actor, study_id: uuid.UUID, image_ids: Collection[uuid.UUID], lesion_id: uuid.UUID
) -> Assigned:
    """Say of some images of a visit that they show one lesion: all of them, or none.

    Raises Invalid without images, NotFound for one that is not in this visit.
    """
    return _file(actor, study_id, dict.fromkeys(image_ids, lesion_id), back=False)


def take_back_assignment(*, actor: Actor, study_id: uuid.UUID, former: Former) -> Assigned:
    """File images of a visit as before: `former` names a lesion for each, or None for none.

    Conflict when somebody has assessed one of them meanwhile; then none is changed.
    """
    return _file(actor, study_id, former, back=True)


def _file(actor: Actor, study_id: uuid.UUID, wanted: Former, *, back: bool) -> Assigned:
    if not wanted:
        raise Invalid(_("Choose at least one image."))
    with clinic_context(actor.clinic_id):
        policies.require(actor, "assign", Instance)
        study = policies.find(actor, "view", Study.objects.all(), pk=study_id)
        # The patient's lock first, as in moving, assessing and signing.
        Patient.objects.select_for_update().get(pk=study.patient_id)
        lesions = _lesions(actor, study, {each for each in wanted.values() if each})
        images = _images(actor, study, wanted)
        former = {image.pk: image.lesion_id for image in images}
        for image in images:
            if image.lesion_id == wanted[image.pk]:
                audit.viewed_image(actor, image, rendition="record")  # the answer shows it
                continue
            _give(actor, image, lesions.get(wanted[image.pk]), back=back)
        for filed in steps.on_filed:
            filed([study.pk])
    return Assigned(images, former)


def _lesions(actor: Actor, study: Study, wanted: set[uuid.UUID]) -> dict[uuid.UUID | None, Lesion]:
    ours = Lesion.objects.filter(patient_id=study.patient_id)
    return {pk: policies.find(actor, "view", ours, pk=pk) for pk in wanted}


def _images(actor: Actor, study: Study, wanted: Former) -> list[Instance]:
    """Locked, in one order for everybody."""
    rows = Instance.objects.select_for_update(of=("self",)).filter(study=study, pk__in=wanted)
    found = list(rows.select_related("patient", "study", "lesion").order_by("pk"))
    for missing in set(wanted) - {image.pk for image in found}:
        policies.find(actor, "assign", Instance.objects.filter(study=study), pk=missing)
    return found


def _give(actor: Actor, image: Instance, lesion: Lesion | None, *, back: bool) -> None:
    before = image.lesion_id
    if back:
        for objection in steps.before_taking_back:
            if sentence := objection(image):
                raise Conflict(sentence)
    image.lesion = lesion
    image.save(update_fields=["lesion"])
    if back:
        audit.took_back_assignment(actor, image, lesion=before, to=image.lesion_id)
    else:
        audit.assigned_image(actor, image, lesion=image.lesion_id)
    # The body site is part of what the network is told: an opinion without it is out of date.
    for step in steps.on_moved:
        step(actor, image, image.patient_id)
