"""A lesion over time, and how the lesions of a patient stand."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils import timezone
from django_stubs_ext import StrPromise

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study
from inference import selectors as inference
from patients.body_map.markers import State
from patients.models import Lesion, Patient
from reports import growth as growing, opinions, veil
from reports.growth import Growth, Size
from reports.models import Assessment, Histology, Management, OpinionState
from reports.selectors.rows import ImageRow, LesionRow, image_rows, lesion_row, opted_out


@dataclass(frozen=True)
class Visit:
    """A lesion at a visit: images, opinion, and all assessments there, newest first.

    `first` is what the author of the one that counts had recorded before seeing the opinion.
    """

    study: Study
    row: LesionRow
    history: list[Assessment]
    first: Assessment | None

    @property
    def former(self) -> list[Assessment]:
        """The assessments that do not count: earlier versions, and those taken back."""
        return [each for each in self.history if each != self.row.assessment]


@dataclass(frozen=True)
class Entry:
    """A line of the timeline: a visit, or a pathologist's result (all versions, newest first)."""

    at: datetime
    visit: Visit | None = None
    histology: list[Histology] | None = None


@dataclass(frozen=True)
class Standing:
    """How a lesion stands: for its marker, and for the patient's list.

    `image` is the newest; `due` the day until which it is monitored.
    """

    state: State
    image: Instance | None = None
    seen_at: datetime | None = None
    visits: int = 0
    due: date | None = None


@dataclass(frozen=True)
class Timeline:
    """A lesion's page. Without `growth`, `no_growth` is the sentence that says why."""

    lesion: Lesion
    patient: Patient
    standing: Standing
    entries: list[Entry]
    growth: Growth | None
    no_growth: StrPromise | None
    images: int


def timeline(actor: Actor, lesion_id: uuid.UUID) -> Timeline:
    """A lesion with everything that is known of it, newest first.

    NotFound (and an event) for another clinic's. A look that is written down, with the opinions
    that it shows: a doctor sees urgent or routine, and no more, of those that are veiled.
    """
    with clinic_context(actor.clinic_id):
        rows = Lesion.objects.select_related("patient")
        lesion = policies.find(actor, "view", rows, pk=lesion_id)
        assessments = list(
            Assessment.objects.filter(lesion=lesion)
            .select_related("author", "withdrawal")
            .order_by("-version")
        )
        counting = [each for each in assessments if getattr(each, "withdrawal", None) is None]
        instances = lesion.instances.select_related("study", "lesion").order_by("created_at", "id")
        images = image_rows(instances, counting, opted_out({lesion.patient_id}), actor=actor)
        visits = _visits(lesion, images, assessments, counting)
        results = list(Histology.objects.filter(lesion=lesion).select_related("author"))
        shown = [
            image.prediction.pk
            for image in images
            if image.state == OpinionState.READY and image.prediction and not image.veiled
        ]
        audit.viewed_lesion(actor, lesion, opinions=shown)
        grown = _growth(visits)
        return Timeline(
            lesion=lesion,
            patient=lesion.patient,
            standing=_standing(images, counting, results),
            entries=_entries(visits, results),
            growth=grown,
            no_growth=None if grown else _why_not(images),
            images=len(images),
        )


def _visits(
    lesion: Lesion,
    images: Iterable[ImageRow],
    assessments: list[Assessment],
    counting: list[Assessment],
) -> list[Visit]:
    """Newest first. A visit stays when an image of its assessment was moved elsewhere since."""
    groups: dict[uuid.UUID, list[ImageRow]] = defaultdict(list)
    for image in images:
        groups[image.instance.study_id].append(image)
    visits = []
    for study_id, own in groups.items():
        history = [each for each in assessments if each.study_id == study_id]
        row = lesion_row(lesion, own, [each for each in counting if each.study_id == study_id])
        first = veil.impression_among(row.assessment, history) if row.assessment else None
        visits.append(Visit(own[0].instance.study, row, history, first))
    return sorted(visits, key=lambda visit: visit.study.acquired_at, reverse=True)


def _entries(visits: Iterable[Visit], results: list[Histology]) -> list[Entry]:
    entries = [Entry(visit.study.acquired_at, visit=visit) for visit in visits]
    if results:
        day = datetime.combine(results[0].reported_on, time.max, timezone.get_current_timezone())
        entries.append(Entry(day, histology=results))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _growth(visits: Iterable[Visit]) -> Growth | None:
    return growing.growth(
        [
            (
                timezone.localdate(visit.study.acquired_at),
                [_size(image) for image in _measured(visit.row.images)],
            )
            for visit in visits
        ]
    )


def _measured(images: Iterable[ImageRow], *, veiled: bool = False) -> list[ImageRow]:
    """Those whose size is known; sizes are the software's, so they lie behind the veil, too."""
    return [
        image
        for image in images
        if image.prediction is not None
        and image.state == OpinionState.READY
        and image.veiled == veiled
        and inference.extent(image.prediction) is not None
    ]


def _size(image: ImageRow) -> Size:
    assert image.prediction is not None
    found = inference.extent(image.prediction)
    assert found is not None, "only measured images come here"
    return Size(found.diameter_mm, found.area_mm2, str(image.prediction.model_version_id))


def _why_not(images: list[ImageRow]) -> StrPromise:
    if not images:
        return growing.NO_IMAGES
    if _measured(images, veiled=True):
        return growing.VEILED
    return growing.ONE_VISIT if _measured(images) else growing.NO_SCALE


# ---- how the lesions of a patient stand -------------------------------------------------------


def standings(actor: Actor, patient_id: uuid.UUID) -> dict[uuid.UUID, Standing]:
    """Of each lesion of a patient; whoever shows it writes down the look at the record.

    A constant number of queries. Call it in the clinic's context.
    """
    instances = (
        policies.visible(actor, Instance.objects.all())
        .filter(patient_id=patient_id, lesion__isnull=False)
        .select_related("study", "lesion")
        .order_by("created_at", "id")
    )
    counting = list(
        policies.visible(actor, Assessment.objects.standing())
        .filter(patient_id=patient_id)
        .select_related("study")
        .order_by("-version")
    )
    seen = {(each.study_id, each.lesion_id, image) for each in counting for image in each.images}
    images: dict[uuid.UUID | None, list[ImageRow]] = defaultdict(list)
    waiting = []  # only their opinions are asked for: the others have been answered
    for instance in instances:
        if (instance.study_id, instance.lesion_id, instance.pk) in seen:
            answered = ImageRow(instance, None, OpinionState.MISSING, seen=True)
            images[instance.lesion_id].append(answered)
        else:
            waiting.append(instance)
    for row in image_rows(waiting, counting, opted_out({patient_id}), actor=actor):
        images[row.instance.lesion_id].append(row)
    made: dict[uuid.UUID, list[Assessment]] = defaultdict(list)
    for each in counting:
        made[each.lesion_id].append(each)
    results: dict[uuid.UUID, list[Histology]] = defaultdict(list)
    for result in policies.visible(actor, Histology.objects.all()).filter(patient_id=patient_id):
        results[result.lesion_id].append(result)
    lesions = Lesion.objects.filter(patient_id=patient_id).values_list("pk", flat=True)
    return {pk: _standing(images[pk], made[pk], results[pk]) for pk in lesions}


def _standing(
    images: Collection[ImageRow], counting: Iterable[Assessment], results: list[Histology]
) -> Standing:
    """`counting` and `results` are of one lesion, in whatever order its versions come."""
    if not images:
        return Standing(State.NEW)
    newest = max(images, key=lambda row: (row.instance.study.acquired_at, row.instance.created_at))
    studies = {row.instance.study_id: row.instance.study for row in images}
    made = [each for each in counting if each.study_id in studies]
    last = max(
        made, key=lambda each: (studies[each.study_id].acquired_at, each.version), default=None
    )
    result = max(results, key=lambda each: each.version, default=None)
    state = _waiting(images) or _state(last, result)
    return Standing(
        state=state,
        image=newest.instance,
        seen_at=newest.instance.study.acquired_at,
        visits=len(studies),
        due=last.due if last and state in (State.FOLLOWED, State.OVERDUE) else None,
    )


def _waiting(images: Iterable[ImageRow]) -> State | None:
    waiting = [row for row in images if not row.seen]
    if not waiting:
        return None
    ready = [row.prediction for row in waiting if row.state == OpinionState.READY]
    opinion, _said = opinions.choose(ready, opted_out=False)
    return State.URGENT if opinion and opinion.triage == "urgent" else State.WAITING


def _state(last: Assessment | None, result: Histology | None) -> State:
    """What the newest assessment asks for; a pathologist's later result answers a biopsy."""
    if last is None:
        return State.WAITING
    if last.management == Management.RETAKE:
        return State.RETAKE
    if last.management == Management.MONITOR and last.due is not None:
        return State.OVERDUE if last.due < timezone.localdate() else State.FOLLOWED
    confirmed = result is not None and bool(result.diagnosis)
    if last.management in (Management.EXCISE, Management.REFER):
        known = result is not None and result.recorded_at >= last.recorded_at
        return State.HISTOLOGY if confirmed and known else State.TREAT
    return State.HISTOLOGY if confirmed else State.DISCHARGED
