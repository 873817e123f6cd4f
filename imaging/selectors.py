"""Everything that reads visits and images for a page, the API or a worker."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from imaging.day import Day
from imaging.models import Instance, Quarantine, Rejection, Study, Upload, UploadPart
from imaging.storage import vault

RENDITIONS = {"image": "image_name", "thumbnail": "thumbnail_name"}


@dataclass(frozen=True)
class Elsewhere:
    """Another visit at which the person who looks has unfinished files, and how many."""

    study_id: uuid.UUID
    acquired_at: datetime
    count: int


@dataclass(frozen=True)
class Visit:
    """A visit's page: its images, what was refused, what is held, and what the person who looks
    had begun to send and broke off, here and at other visits (which are named by their time
    alone). `last` is, by lesion, the image to frame the next one by."""

    study: Study
    instances: list[Instance]
    rejections: list[Rejection]
    held: list[Quarantine]
    unfinished: list[Upload]
    elsewhere: list[Elsewhere]
    last: dict[uuid.UUID | None, Instance]

    @property
    def assigned(self) -> list[Instance]:
        return [each for each in self.instances if each.lesion_id]

    @property
    def unassigned(self) -> list[Instance]:
        return [each for each in self.instances if not each.lesion_id]


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
        rows = policies.visible(actor, study.instances.all())
        instances = list(rows.select_related("lesion", "patient").prefetch_related("predictions"))
        return Visit(
            study=study,
            instances=instances,
            rejections=list(policies.visible(actor, study.rejections.all())),
            held=list(open_quarantine(actor).filter(study=study)),
            unfinished=list(unfinished(actor).filter(study=study)),
            elsewhere=_elsewhere(actor, study),
            last=_last(actor, study, instances),
        )


def _last(actor: Actor, study: Study, here: list[Instance]) -> dict[uuid.UUID | None, Instance]:
    """The newest image of each lesion from an earlier visit; where there is none, this one's."""
    found = {each.lesion_id: each for each in here if each.lesion_id}
    earlier = policies.visible(actor, Instance.objects.filter(patient_id=study.patient_id))
    newest = (
        earlier.exclude(study=study)
        .filter(lesion__isnull=False, study__acquired_at__lte=study.acquired_at)
        .order_by("lesion_id", "-study__acquired_at", "-created_at")
        .distinct("lesion_id")
    )
    return found | {each.lesion_id: each for each in newest.select_related("study", "lesion")}


def unfinished(actor: Actor) -> QuerySet[Upload]:
    """What this person had begun to send and broke off. Call it inside the clinic's context."""
    mine = policies.visible(actor, Upload.objects.filter(created_by=actor.person))
    return mine.filter(settled_at__isnull=True, expires_at__gt=timezone.now())


def _elsewhere(actor: Actor, here: Study) -> list[Elsewhere]:
    others = unfinished(actor).exclude(study=here).order_by()
    counted = others.values_list("study", "study__acquired_at").annotate(count=Count("pk"))
    return [Elsewhere(*row) for row in counted.order_by("study__acquired_at", "study")]


@dataclass(frozen=True)
class Today:
    """A visit of today: how many images, and how many of them nobody has given to a lesion."""

    study: Study
    images: int
    unassigned: int


def visits_of_today(*, actor: Actor, day: Day) -> list[Today]:
    """All visits of a day, the newest first; a look at whom they show that is written down."""
    with clinic_context(actor.clinic_id):
        studies = policies.visible(actor, Study.objects.select_related("patient", "created_by"))
        counted = studies.filter(acquired_at__gte=day.begins, acquired_at__lt=day.ends).annotate(
            images=Count("instances"),
            unassigned=Count("instances", filter=Q(instances__lesion__isnull=True)),
        )
        found = [
            Today(study, study.images, study.unassigned)
            for study in counted.order_by("-acquired_at", "-created_at")
        ]
        if found:
            audit.searched_patients(
                actor,
                shown=list(dict.fromkeys(each.study.patient_id for each in found)),
                fields=["visits_of_today"],
            )
    return found


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
    arriving = UploadPart.objects.values_list("name", flat=True)
    return {name for row in names.iterator() for name in row if name} | set(held) | set(arriving)


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
        # Counted for those that are shown: a join would count the images of all visits there are.
        images = Instance.objects.filter(study=OuterRef("pk")).order_by().values("study")
        counted = Coalesce(Subquery(images.annotate(count=Count("pk")).values("count")), 0)
        found: list[Study] = list(studies.annotate(images=counted).order_by("-acquired_at")[:limit])
        if found:
            audit.searched_patients(
                actor, shown=[study.patient_id for study in found], fields=["latest_visits"]
            )
    return found
