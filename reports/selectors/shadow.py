"""A model in the shadow beside the one that answered, on the same images, and what doctors found.

Of each image the newest opinion counts, with what the shadow said beside it; images of patients
who have not agreed to opinions by software (any more) are left out. A lesion is one case, judged at
its last assessed visit: a model calls it urgent when it does so for one of the images there. The
truth is the histology, where it is recorded, else the doctor's first diagnosis.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from imaging.models import Instance
from inference.evaluation.metrics import exact_bounds
from inference.models import ModelVersion, Prediction, Status
from reports.diagnoses import DIAGNOSES
from reports.models import Assessment, Histology
from reports.selectors.rows import opted_out

FEWEST = 20  # below so many cases a share is not estimable


@dataclass(frozen=True)
class Share:
    """So many of so many; its 95 % interval (Clopper and Pearson 1934) from 20 cases on.

    `cases` are the independent trials: images of one lesion are none of each other.
    """

    count: int
    n: int
    cases: int

    @property
    def value(self) -> float | None:
        return self.count / self.n if self.n else None

    @property
    def estimable(self) -> bool:
        return self.cases >= FEWEST

    @property
    def bounds(self) -> tuple[float, float]:
        return exact_bounds((self.value or 0) * self.cases, self.cases)


@dataclass
class Verdicts:
    """Cases of one truth by who called them urgent."""

    both: int = 0
    active_only: int = 0
    shadow_only: int = 0
    neither: int = 0

    def add(self, *, active: bool, shadow: bool) -> None:
        if active and shadow:
            self.both += 1
        elif active:
            self.active_only += 1
        elif shadow:
            self.shadow_only += 1
        else:
            self.neither += 1

    @property
    def n(self) -> int:
        return self.both + self.active_only + self.shadow_only + self.neither


@dataclass(frozen=True)
class Said:
    """What a model said of an image."""

    rerun: int
    model_id: uuid.UUID
    status: str
    urgent: bool
    first: str


@dataclass(frozen=True)
class Pair:
    """What both said of one image, which both could judge."""

    instance_id: uuid.UUID
    lesion_id: uuid.UUID | None
    active: Said
    shadow: Said


@dataclass(frozen=True)
class Case:
    """A lesion whose truth is known, with the images of its last assessed visit."""

    pairs: list[Pair]
    malignant: bool
    by_histology: bool


@dataclass
class Comparison:
    """A shadow beside one model that answered. `images`: those that both could judge."""

    active: ModelVersion
    images: int = 0
    same_first: Share = Share(0, 0, 0)
    urgent_active: Share = Share(0, 0, 0)
    urgent_shadow: Share = Share(0, 0, 0)
    declined_active: int = 0
    declined_shadow: int = 0
    by_histology: int = 0
    malignant: Verdicts = field(default_factory=Verdicts)
    benign: Verdicts = field(default_factory=Verdicts)

    @property
    def found_active(self) -> Share:
        """Sensitivity for what counts as malignant, of the model that answered."""
        return _all(self.malignant.both + self.malignant.active_only, self.malignant)

    @property
    def found_shadow(self) -> Share:
        """The same of the shadow."""
        return _all(self.malignant.both + self.malignant.shadow_only, self.malignant)

    @property
    def spared_active(self) -> Share:
        """Specificity of the model that answered."""
        return _all(self.benign.shadow_only + self.benign.neither, self.benign)

    @property
    def spared_shadow(self) -> Share:
        """The same of the shadow."""
        return _all(self.benign.active_only + self.benign.neither, self.benign)


def comparisons(actor: Actor, shadow: ModelVersion) -> list[Comparison]:
    """A model's shadow opinions in this clinic against those given, by the model that gave them.

    A look, of no single patient. Call it in the clinic's context.
    """
    policies.require(actor, "compare", ModelVersion)
    clinic = {"clinic": actor.clinic_id}
    beside = _newest(Prediction.shadows.filter(model_version=shadow, **clinic))
    given = _newest(Prediction.objects.filter(instance__in=beside, **clinic))
    images = Instance.objects.filter(pk__in=beside).values_list("pk", "patient_id", "lesion_id")
    where = {pk: (patient, lesion) for pk, patient, lesion in images}
    without = opted_out({patient for patient, _lesion in where.values()})
    pairs: dict[uuid.UUID, list[Pair]] = defaultdict(list)
    declined: dict[uuid.UUID, list[tuple[bool, bool]]] = defaultdict(list)
    for pk, said in beside.items():
        patient, lesion = where[pk]
        opinion = given.get(pk)
        if opinion is None or opinion.rerun != said.rerun or patient in without:
            continue
        if opinion.status == said.status == Status.READY:
            pairs[opinion.model_id].append(Pair(pk, lesion, opinion, said))
        else:
            declined[opinion.model_id].append(
                (opinion.status == Status.DECLINED, said.status == Status.DECLINED)
            )
    models = ModelVersion.objects.filter(pk__in={*pairs, *declined})
    made = [
        _compare(model, pairs[model.pk], declined[model.pk])
        for model in models.order_by("-active", "-registered_at")
    ]
    audit.compared_models(actor, shadow, images=sum(each.images for each in made))
    return made


def _all(count: int, verdicts: Verdicts) -> Share:
    return Share(count, verdicts.n, verdicts.n)


def _newest(rows: QuerySet[Prediction]) -> dict[uuid.UUID, Said]:
    """The newest of each image's, by the image's id."""
    newest = (
        rows.order_by("instance_id", "-rerun", "-requested_at")
        .distinct("instance_id")
        .annotate(first=KT("result__differential__0__key"))
        .values_list("instance_id", "rerun", "model_version_id", "status", "triage", "first")
    )
    return {
        instance: Said(rerun, model, status, triage == "urgent", first or "")
        for instance, rerun, model, status, triage, first in newest
    }


def _compare(
    active: ModelVersion, pairs: list[Pair], declined: list[tuple[bool, bool]]
) -> Comparison:
    units = {pair.lesion_id or pair.instance_id for pair in pairs}

    def share(of: Iterable[bool]) -> Share:
        return Share(sum(of), len(pairs), len(units))

    made = Comparison(
        active=active,
        images=len(pairs),
        same_first=share(pair.active.first == pair.shadow.first for pair in pairs),
        urgent_active=share(pair.active.urgent for pair in pairs),
        urgent_shadow=share(pair.shadow.urgent for pair in pairs),
        declined_active=sum(by_active for by_active, _by_shadow in declined),
        declined_shadow=sum(by_shadow for _by_active, by_shadow in declined),
    )
    for case in _cases(pairs):
        made.by_histology += case.by_histology
        verdicts = made.malignant if case.malignant else made.benign
        verdicts.add(
            active=any(pair.active.urgent for pair in case.pairs),
            shadow=any(pair.shadow.urgent for pair in case.pairs),
        )
    return made


def _cases(pairs: Iterable[Pair]) -> Iterator[Case]:
    """The lesions whose truth is known."""
    by_lesion: dict[uuid.UUID, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.lesion_id is not None:
            by_lesion[pair.lesion_id].append(pair)
    assessed: dict[uuid.UUID, list[Assessment]] = defaultdict(list)
    standing = Assessment.objects.standing().filter(lesion__in=by_lesion)
    newest_first = standing.order_by("-recorded_at")
    for assessment in newest_first:
        assessed[assessment.lesion_id].append(assessment)
    found = Histology.objects.filter(lesion__in=by_lesion).order_by("lesion_id", "-version")
    histology = dict(found.distinct("lesion_id").values_list("lesion_id", "diagnosis"))
    for lesion, all_pairs in by_lesion.items():
        for assessment in assessed[lesion]:
            there = [pair for pair in all_pairs if pair.instance_id in assessment.images]
            if not there:
                continue
            code = histology.get(lesion) or assessment.diagnoses[0]
            if (known := DIAGNOSES.get(code)) is not None:
                yield Case(there, known.malignant, by_histology=bool(histology.get(lesion)))
            break
