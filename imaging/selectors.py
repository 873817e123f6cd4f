"""Everything that reads visits and images for a page, the API or a worker."""

import uuid
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from imaging.models import Instance, Quarantine, Rejection, Study
from imaging.storage import vault

RENDITIONS = {"image": "image_name", "thumbnail": "thumbnail_name"}


@dataclass(frozen=True)
class Visit:
    """A visit's page: its images, what was refused and what is held."""

    study: Study
    instances: list[Instance]
    rejections: list[Rejection]
    held: list[Quarantine]


@dataclass(frozen=True)
class Rendition:
    """Bytes to show: `etag` changes when the content does."""

    content: bytes
    media_type: str
    etag: str


def visit(*, actor: Actor, study_id: uuid.UUID) -> Visit:
    """One visit with everything that arrived for it; a look that is written down."""
    with clinic_context(actor.clinic_id):
        study = policies.find(actor, "view", Study.objects.select_related("patient"), pk=study_id)
        audit.viewed_study(actor, study)
        instances = policies.visible(actor, study.instances.all())
        return Visit(
            study=study,
            instances=list(instances.select_related("lesion").prefetch_related("predictions")),
            rejections=list(policies.visible(actor, study.rejections.all())),
            held=list(open_quarantine(actor).filter(study=study)),
        )


def visits(actor: Actor, patient_id: uuid.UUID) -> list[Study]:
    """A patient's visits, newest first, each with its images and their lesions."""
    studies = policies.visible(actor, Study.objects.filter(patient_id=patient_id))
    return list(studies.prefetch_related("instances__lesion"))


def open_quarantine(actor: Actor) -> QuerySet[Quarantine]:
    """What waits for a decision, oldest first. Call it inside the clinic's context."""
    held = policies.visible(actor, Quarantine.objects.filter(resolution="open"))
    return held.select_related("patient", "study", "lesion", "created_by")


def quarantine(*, actor: Actor, quarantine_id: uuid.UUID) -> Quarantine:
    """One held image with its differences; a look that is written down."""
    with clinic_context(actor.clinic_id):
        held = policies.find(
            actor,
            "view",
            Quarantine.objects.select_related("patient", "study", "lesion", "resolved_by"),
            pk=quarantine_id,
        )
        audit.viewed_quarantine(actor, held)
    return held


def rendition(*, actor: Actor, instance_id: uuid.UUID, which: str) -> Rendition:
    """An image's bytes: `which` is "image" or "thumbnail". A look that is written down."""
    if which not in RENDITIONS:
        raise NotFound
    with clinic_context(actor.clinic_id):
        instance = policies.find(actor, "view", Instance.objects.all(), pk=instance_id)
        audit.viewed_image(actor, instance, rendition=which)
    name = getattr(instance, RENDITIONS[which])
    media_type = instance.media_type if which == "image" else "image/jpeg"
    return Rendition(vault().get(name), media_type, etag=f'"{name[:32]}"')


def stored_names() -> set[str]:
    """Every name in the vault that a row of the current clinic's images refers to."""
    names = Instance.objects.values_list("image_name", "thumbnail_name", "original_name")
    held = Quarantine.objects.filter(resolution="open").values_list("held_name", flat=True)
    return {name for row in names.iterator() for name in row if name} | set(held)


def instance(*, actor: Actor, instance_id: uuid.UUID) -> Instance:
    """One image with its visit, patient and lesion; a look that is written down."""
    with clinic_context(actor.clinic_id):
        found = policies.find(
            actor,
            "view",
            Instance.objects.select_related("study", "patient", "lesion", "created_by"),
            pk=instance_id,
        )
        audit.viewed_image(actor, found, rendition="page")
    return found


def latest_visits(*, actor: Actor, limit: int = 8) -> list[Study]:
    """The clinic's newest visits with patients and how many images; a look that is written down."""
    with clinic_context(actor.clinic_id):
        studies = policies.visible(actor, Study.objects.select_related("patient"))
        found: list[Study] = list(
            studies.annotate(images=Count("instances")).order_by("-acquired_at")[:limit]
        )
        if found:
            audit.searched_patients(
                actor, shown=[study.patient_id for study in found], fields=["latest_visits"]
            )
    return found
