"""Two images of one lesion side by side, with what doctor, software and pathologist said."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from imaging import alignment
from imaging.alignment import Alignment
from imaging.models import Instance, Study
from imaging.storage import vault
from inference.network import preprocess
from inference.network.preprocess import UnreadableImage
from patients.models import Lesion, Patient
from reports.models import Assessment, Histology
from reports.selectors.rows import LesionRow, image_rows, lesion_row, opted_out

SECONDS = 5.0  # of computing that an alignment may take


@dataclass(frozen=True)
class Choice:
    """An image of the lesion, the `number`-th of its visit, of `count`."""

    instance: Instance
    number: int
    count: int

    @property
    def study(self) -> Study:
        return self.instance.study


@dataclass(frozen=True)
class Side:
    """One of the two images, and the lesion at its visit.

    `after_report`: the image is from after the day of the histology's report.
    """

    choice: Choice
    row: LesionRow
    after_report: bool

    @property
    def assessment(self) -> Assessment | None:
        return self.row.assessment


@dataclass(frozen=True)
class Comparison:
    """A lesion's page of comparison; `choices` oldest first, no sides without two images."""

    lesion: Lesion
    patient: Patient
    choices: list[Choice]
    left: Side | None
    right: Side | None
    histology: Histology | None

    @property
    def visits(self) -> list[Side]:
        """One side of each visit, the earlier first: what was said there belongs to the visit."""
        sides = [each for each in (self.left, self.right) if each is not None]
        by_visit = {each.choice.study.pk: each for each in sides}
        return sorted(by_visit.values(), key=lambda side: side.choice.study.acquired_at)


def comparison(
    actor: Actor,
    lesion_id: uuid.UUID,
    *,
    left: uuid.UUID | None = None,
    right: uuid.UUID | None = None,
) -> Comparison:
    """Any two images of a lesion; by default the newest, and the newest of the visit before.

    NotFound (and an event) for another clinic's lesion, and for an image that is not of the
    lesion. A look that is written down, with the opinions and assessments that it shows: so a
    second reader, who must not know them yet, is refused (reports/second_reading/blind.py).
    """
    with clinic_context(actor.clinic_id):
        lesion = _lesion(actor, lesion_id)
        choices = _choices(lesion)
        chosen = _chosen(actor, choices, left, right)
        newest = Histology.objects.filter(lesion=lesion).select_related("author").first()
        result = newest if newest and newest.diagnosis else None
        sides = _sides(actor, choices, chosen, result)
        _tell(actor, lesion, sides)
        return Comparison(
            lesion=lesion,
            patient=lesion.patient,
            choices=choices,
            left=sides[0] if sides else None,
            right=sides[1] if sides else None,
            histology=result,
        )


def aligned(
    actor: Actor, lesion_id: uuid.UUID, *, left: uuid.UUID, right: uuid.UUID
) -> Alignment | None:
    """How the right image lies over the left, in their pixels; None where that cannot be proved.

    Each image is looked at, and that is written down. NotFound as for `comparison`; VaultError
    when a stored image cannot be opened, `alignment.TooLong` after SECONDS.
    """
    with clinic_context(actor.clinic_id):
        lesion = _lesion(actor, lesion_id)
        choices = _choices(lesion)
        pair = [_find(actor, choices, each).instance for each in (left, right)]
        for instance in pair:
            audit.viewed_image(actor, instance, rendition="alignment")
    pictures = []
    for instance in pair:
        stored = vault().get(instance.image_name)
        try:
            pictures.append(preprocess.decode(stored, for_size=alignment.WORK_SIDE))
        except UnreadableImage:
            return None
    found = alignment.align(pictures[0], pictures[1], seconds=SECONDS)
    if found is None:
        return None
    return found.resized(pair[0].width / pictures[0].width, pair[1].width / pictures[1].width)


def _lesion(actor: Actor, lesion_id: uuid.UUID) -> Lesion:
    policies.require(actor, "view", Instance)
    rows = Lesion.objects.select_related("patient")
    return policies.find(actor, "view", rows, pk=lesion_id)


def _choices(lesion: Lesion) -> list[Choice]:
    rows = Instance.objects.filter(lesion=lesion).select_related("study", "lesion")
    instances = list(rows.order_by("study__acquired_at", "created_at", "id"))
    visits: dict[uuid.UUID, list[Instance]] = {}
    for each in instances:
        visits.setdefault(each.study_id, []).append(each)
    return [
        Choice(each, visits[each.study_id].index(each) + 1, len(visits[each.study_id]))
        for each in instances
    ]


def _find(actor: Actor, choices: list[Choice], instance_id: uuid.UUID) -> Choice:
    for each in choices:
        if each.instance.pk == instance_id:
            return each
    audit.not_found(actor, verb="view", model=Instance, lookup={"pk": instance_id})
    raise NotFound


def _chosen(
    actor: Actor, choices: list[Choice], left: uuid.UUID | None, right: uuid.UUID | None
) -> list[Choice]:
    named = [_find(actor, choices, each) if each else None for each in (left, right)]
    if len(choices) < 2:
        return []
    later = named[1] or next(each for each in reversed(choices) if each is not named[0])
    return [named[0] or _before(choices, later), later]


def _before(choices: list[Choice], later: Choice) -> Choice:
    """What an image is compared with: of another visit, taken in the same way, the newest before.

    Where there is no such image, the nearest to that.
    """
    others = [each for each in choices if each is not later]
    place = choices.index(later)

    def fit(each: Choice) -> tuple[bool, bool, bool, int]:
        return (
            each.instance.modality == later.instance.modality,
            each.instance.study_id != later.instance.study_id,
            choices.index(each) < place,
            choices.index(each),
        )

    return max(others, key=fit)


def _sides(
    actor: Actor, choices: list[Choice], chosen: Collection[Choice], result: Histology | None
) -> list[Side]:
    studies = {each.study.pk for each in chosen}
    here = [each.instance for each in choices if each.study.pk in studies]
    if not here:
        return []
    lesion = here[0].lesion
    assert lesion is not None
    assessments = list(
        Assessment.objects.standing()
        .filter(lesion=lesion, study__in=studies)
        .select_related("author")
        .order_by("-version")
    )
    images = image_rows(here, assessments, opted_out({lesion.patient_id}), actor=actor)
    sides = []
    for each in chosen:
        study = each.study
        rows = [row for row in images if row.instance.study_id == study.pk]
        made = [row for row in assessments if row.study_id == study.pk]
        sides.append(
            Side(
                choice=each,
                row=lesion_row(lesion, rows, made),
                after_report=result is not None
                and timezone.localdate(study.acquired_at) > result.reported_on,
            )
        )
    return sides


def _tell(actor: Actor, lesion: Lesion, sides: Collection[Side]) -> None:
    audit.compared_images(actor, lesion, shown=[each.choice.instance.pk for each in sides])
    opinions = {side.row.opinion.pk: side.row for side in sides if side.row.opinion is not None}
    for row in opinions.values():
        audit.viewed_prediction(actor, row.opinion, veiled=row.veiled)
    assessments = {side.assessment.pk: side.assessment for side in sides if side.assessment}
    for assessment in assessments.values():
        audit.viewed_assessment(actor, assessment)
