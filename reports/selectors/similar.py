"""Cases of the clinic that resemble an image in the eyes of its model, of the likely diagnoses.

A case is a lesion that histology has confirmed, whose patient agrees to comparison now. What is
compared is the embedding that the same model stored with its opinion: of another version's it says
nothing (nearest neighbours as evidence: Tschandl et al. 2019, doi:10.1111/bjd.17189). Only images
from before the pathologist's report count: a later one may show the scar.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models import Count
from django.utils import timezone
from numpy.typing import NDArray

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from imaging.models import Instance
from inference.lens import Lens
from inference.models import Prediction, Status
from patients.models import Consent, Purpose
from patients.services import allows
from reports import diagnoses, veil
from reports.models import Histology

FEWEST = 50  # cases; of fewer somebody here might know which patient an image is of
CLASSES = 3  # of the differential
NEAREST = 3  # cases of each
NEWEST = 5_000  # images that are compared; 12 MiB of embeddings
# Without care there is no photograph, and without an opinion no embedding.
AGREED = (Purpose.CARE, Purpose.AI_OPINION, Purpose.COMPARISON)


@dataclass(frozen=True)
class Case:
    """An image of a case, and what histology found there (SNOMED CT)."""

    instance: uuid.UUID
    patient: uuid.UUID
    diagnosis: str


@dataclass(frozen=True)
class Similar:
    """The nearest cases by the differential's code, nearest first; none of them below FEWEST.

    `count` is of the cases of other patients that the opinion's model has read. `comparable` is
    False for an opinion that was stored without its embedding.
    """

    count: int
    comparable: bool
    groups: list[tuple[str, list[Case]]]

    @property
    def enough(self) -> bool:
        return self.count >= FEWEST


@dataclass(frozen=True)
class _Image:
    prediction: uuid.UUID
    instance: uuid.UUID
    lesion: uuid.UUID


def similar(actor: Actor, prediction_id: uuid.UUID) -> Similar:
    """Cases like the image of a ready opinion; a look that is written down.

    For doctors. NotFound for an opinion that is not there to be seen, Veiled for one whose image
    waits for a diagnosis of one's own.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "compare", Histology)
        rows = Prediction.objects.select_related("instance__patient").filter(status=Status.READY)
        prediction = policies.find(actor, "view", rows, pk=prediction_id)
        veil.require_open(actor, prediction)
        patient = prediction.instance.patient
        if not allows(patient, Purpose.AI_OPINION):
            raise NotFound
        cases = _confirmed(without=patient.pk)
        images = _images(prediction.model_version_id, cases)
        count = len({image.lesion for image in images})
        groups: list[tuple[str, list[Case]]] = []
        if prediction.embedding and count >= FEWEST:
            groups = _groups(prediction, cases, images)
        shown = [case for _code, found in groups for case in found]
        audit.viewed_similar_cases(
            actor,
            prediction,
            shown=sorted({case.patient for case in shown}),
            instances=[case.instance for case in shown],
        )
    return Similar(count, bool(prediction.embedding), groups)


def case_of(instance_id: uuid.UUID) -> Instance | None:
    """The image, while it still is one of a case; else None. Call it in the clinic's context."""
    instance = Instance.objects.select_related("study").filter(pk=instance_id).first()
    if instance is None or instance.lesion_id is None:
        return None
    result = _confirmed(lesion=instance.lesion_id).get(instance.lesion_id)
    return instance if result and _before(instance.study.acquired_at, result) else None


def _confirmed(
    *, without: uuid.UUID | None = None, lesion: uuid.UUID | None = None
) -> dict[uuid.UUID, Histology]:
    """The results that hold, by lesion, of patients who agree; `without` one patient's."""
    newest = Histology.objects.order_by("lesion_id", "-version").distinct("lesion_id")
    if lesion is not None:
        newest = newest.filter(lesion_id=lesion)
    results = [each for each in newest if each.diagnosis and each.patient_id != without]
    agreed = _agreed({each.patient_id for each in results})
    return {each.lesion_id: each for each in results if each.patient_id in agreed}


def _agreed(patient_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    said = (
        Consent.objects.filter(patient_id__in=patient_ids, purpose__in=AGREED)
        .order_by("patient_id", "purpose", "-recorded_at")
        .distinct("patient_id", "purpose")
    )
    yes = Consent.objects.filter(pk__in=said.values("pk"), granted=True)
    whole = yes.values("patient_id").annotate(purposes=Count("pk")).filter(purposes=len(AGREED))
    return set(whole.values_list("patient_id", flat=True))


def _before(acquired: datetime, result: Histology) -> bool:
    return timezone.localdate(acquired) <= result.reported_on


def _images(model_version: uuid.UUID, cases: Mapping[uuid.UUID, Histology]) -> list[_Image]:
    """The newest images of the cases that this model has read, each once."""
    rows = (
        Prediction.objects.filter(
            model_version_id=model_version,
            status=Status.READY,
            embedding__isnull=False,
            instance__lesion_id__in=list(cases),
        )
        .order_by("instance_id", "-rerun")
        .distinct("instance_id")
        .values_list(
            "pk",
            "instance_id",
            "instance__lesion_id",
            "instance__study__acquired_at",
            "finished_at",
        )
    )
    found = [
        (finished, _Image(pk, instance, lesion))
        for pk, instance, lesion, acquired, finished in rows
        if _before(acquired, cases[lesion])
    ]
    found.sort(key=lambda each: (each[0], each[1].instance), reverse=True)
    return [image for _finished, image in found[:NEWEST]]


def _groups(
    prediction: Prediction, cases: Mapping[uuid.UUID, Histology], images: list[_Image]
) -> list[tuple[str, list[Case]]]:
    groups = []
    shown = Lens.of().shown(prediction)
    for line in shown.lines[:CLASSES] if shown else []:
        held = [each for each in images if _holds(line.code, cases[each.lesion].diagnosis)]
        found = [
            Case(each.instance, cases[each.lesion].patient_id, cases[each.lesion].diagnosis)
            for each in _nearest(prediction, held)
        ]
        groups.append((line.code, found))
    return groups


def _holds(code: str, diagnosis: str) -> bool:
    """Does a differential's code hold a diagnosis: as itself, or as the class of a finer one?"""
    return code == diagnosis or code == diagnoses.class_code(diagnosis)


def _nearest(prediction: Prediction, images: list[_Image]) -> list[_Image]:
    """The images of the NEAREST lesions, by the cosine of the embeddings."""
    stored = Prediction.objects.filter(pk__in=[each.prediction for each in images])
    vectors = {pk: _vector(embedding) for pk, embedding in stored.values_list("pk", "embedding")}
    own = _vector(prediction.embedding)
    rows = [each for each in images if vectors[each.prediction].shape == own.shape]
    if not rows:
        return []
    cosines = np.stack([vectors[each.prediction] for each in rows]) @ own
    best: dict[uuid.UUID, _Image] = {}
    for place in np.argsort(-cosines, kind="stable"):
        best.setdefault(rows[place].lesion, rows[place])
        if len(best) == NEAREST:
            break
    return list(best.values())


def _vector(stored: bytes | memoryview | None) -> NDArray[np.float32]:
    """An embedding as it was stored: float16, unit length."""
    return np.frombuffer(bytes(stored or b""), np.float16).astype(np.float32)
