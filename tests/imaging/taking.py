"""A drawn picture as the camera's file, and what an upload left behind."""

from datetime import date, datetime
from typing import Any

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec
from demo.dicom import PatientTags, StudyTags, as_dicom
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.storage import vault

NEVUS = Lesion(Kind.NEVUS_RETICULAR, seed=1)
SPEC = Spec(SkinTone.TYPE_II, NEVUS, Capture.plain(), size=(320, 240))


def dicom(drawing: Any, **patient: Any) -> bytes:
    fields = {
        "family_name": "Testperson",
        "given_name": "Jo",
        "mrn": "D-1",
        "birth_date": date(1970, 1, 1),
        "sex": "female",
    }
    when = datetime(2026, 1, 2, 10, 0)  # noqa: DTZ001 - DICOM times have no zone
    tags = PatientTags(**fields | patient)
    return as_dicom(drawing, patient=tags, study=StudyTags(key="k", acquired_at=when))


def rows(actor: Any, model: Any, **lookup: Any) -> list[Any]:
    with clinic_context(actor.clinic_id):
        return list(model.objects.filter(**lookup))


def nothing_stored(actor: Any) -> bool:
    return not rows(actor, Instance) and not list(vault().names())
