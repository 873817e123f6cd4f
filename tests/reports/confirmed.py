"""Lesions that histology has confirmed, with images and embeddings, many of them at once."""

import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import numpy as np
from django.utils import timezone

from dermaclinic import bell
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, Study, new_uid
from inference.models import ModelVersion, Prediction
from patients.models import Consent, Lesion, Patient
from reports.models import Histology
from reports.selectors.similar import AGREED
from tests import factories
from tests.database import acting_as
from tests.reports import scenes

SIZE = 16


def towards(angle: float) -> bytes:
    """A unit vector so many degrees away from the first axis, as the worker stores it."""
    vector = np.zeros(SIZE, np.float16)
    vector[:2] = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return vector.tobytes()


def opinion(doctor: Actor, *, angle: float | None = 0, **changes: Any) -> Prediction:
    """A ready opinion on an image of a new patient: melanoma, nevus, keratosis."""
    changes = {"first": {"mel": 0.5, "nv": 0.3, "bkl": 0.1}} | changes
    scenes.model()
    _study, _lesions, [image] = scenes.visit(doctor)
    if angle is not None:
        with clinic_context(doctor.clinic_id), acting_as("owner"):
            Prediction.objects.filter(instance=image).update(embedding=towards(angle))
    row = scenes.finish(doctor, image, **changes)
    row.instance = image
    return row


def cases(
    doctor: Actor,
    count: int,
    *,
    diagnosis: str = scenes.MELANOMA,
    angle: float = 90,
    model: ModelVersion | None = None,
    patient: Any = None,
    stored: bool = True,
) -> list[Instance]:
    """So many cases of as many patients (or of one), the nth one degree further away.

    They share the bytes of one image; what is stored is as the services would store it.
    """
    now = timezone.now()
    person = factories.user(doctor)
    clinic = {"clinic_id": doctor.clinic_id}
    with mock.patch.object(bell, "ring_now"):
        _study, _lesions, [original] = scenes.visit(doctor)
    rows: dict[type, list[Any]] = {
        each: [] for each in (Patient, Consent, Lesion, Study, Instance, Prediction, Histology)
    }
    for number in range(count):
        whose = patient or Patient(
            **clinic, mrn=f"C-{uuid.uuid4().hex[:12]}", family_name="Case",
            given_name=str(number), birth_date="1960-01-01", sex="male",
        )  # fmt: skip
        if patient is None:
            rows[Patient].append(whose)
            rows[Consent] += [
                Consent(**clinic, patient=whose, purpose=each, granted=True, recorded_by=person)
                for each in AGREED
            ]
        lesion = Lesion(
            **clinic, patient=whose, number=100 + number if patient else 1, body_site="back"
        )
        rows[Lesion].append(lesion)
        study = Study(**clinic, patient=whose, created_by=person, acquired_at=now)
        rows[Study].append(study)
        image = Instance(
            **clinic, patient=whose, study=study, lesion=lesion, created_by=person,
            sha256=uuid.uuid4().hex * 2, sop_instance_uid=new_uid(),
            **{name: getattr(original, name) for name in (
                "format", "media_type", "width", "height", "image_name", "thumbnail_name")},
        )  # fmt: skip
        rows[Instance].append(image)
        rows[Prediction].append(
            Prediction(
                **clinic, instance=image, model_version=model or scenes.model(), status="ready",
                result={"differential": scenes.shares({"mel": 0.9})}, malignant_probability=0.9,
                triage="urgent", finished_at=now,
                embedding=towards(angle + number) if stored else None,
            )
        )  # fmt: skip
        rows[Histology].append(
            Histology(
                **clinic, patient=whose, lesion=lesion, version=1, diagnosis=diagnosis,
                reported_on=timezone.localdate() + timedelta(days=1), author=person,
            )
        )  # fmt: skip
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        for model_class, made in rows.items():
            model_class.objects.bulk_create(made)
    return rows[Instance]
