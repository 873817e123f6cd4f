"""The one door for every file: check, admit, compare, seal, write, audit, ask for an opinion.

Decoding and sealing happen before the transaction that writes: no lock is held meanwhile. Sealed
bytes whose transaction failed are nobody's, and the hourly sweep removes them.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, DomainError
from imaging import formats, steps
from imaging.models import Instance, Quarantine, Rejection, Study, new_uid
from imaging.services.identity import differences
from imaging.services.modality import checked, told_by
from imaging.storage import name_for, vault
from patients.models import Lesion, Patient, Purpose
from patients.services import allows

# What a DICOM file says of its camera; who it shows is compared, and never kept.
SOURCE_TAGS = (
    "study_instance_uid",
    "series_instance_uid",
    "sop_class_uid",
    "transfer_syntax_uid",
    "modality",
    "laterality",
    "body_part",
    "manufacturer",
    "model_name",
    "pixel_spacing_mm",
)


UID_TAKEN = "uid-taken"


@dataclass(frozen=True)
class Ingested:
    """The image, and whether this upload made it (False: the same bytes were here already)."""

    instance: Instance
    created: bool


class UploadRefused(DomainError):
    """The file is not one we can keep; a Rejection says why."""

    status = 422
    slug = "upload-refused"
    title = _("The file was refused")


class Quarantined(DomainError):
    """The file is good, but whose it is must be settled first; it is held in quarantine."""

    status = 409
    slug = "quarantined"
    title = _("The file is held in quarantine")


def ingest(
    *,
    actor: Actor,
    study_id: uuid.UUID,
    data: bytes,
    filename: str = "",
    lesion_id: uuid.UUID | None = None,
    modality: str = "",
) -> Ingested:
    """Admit one file into a visit. `modality` is what the sender says of it; "": as the file says.

    Call it outside of a transaction: what it records on a refusal must be kept. Raises
    UploadRefused, Quarantined, Conflict (no consent), Invalid and NotFound.
    """
    checked(modality)
    with clinic_context(actor.clinic_id):
        study, lesion = target(actor, study_id, lesion_id)
        check_consent(study.patient)
    try:
        admitted = formats.admit(data, filename=filename)
    except formats.Refused as refused:
        raise _reject(actor, study, data, refused.code, refused.message) from refused
    return file(
        actor=actor, study=study, lesion=lesion, data=data, admitted=admitted, modality=modality
    )


def file(
    *,
    actor: Actor,
    study: Study,
    lesion: Lesion | None,
    data: bytes,
    admitted: formats.Admitted,
    modality: str = "",
    identity_settled: bool = False,
) -> Ingested:
    """File an admitted image. `identity_settled` after somebody decided whose it is."""
    with clinic_context(actor.clinic_id):
        if (known := _known(study.patient, admitted)) is not None:
            audit.repeated_image(actor, known)
            return Ingested(known, created=False)
        obstacle = _obstacle(study.patient, admitted, identity_settled)
    if obstacle:
        raise _stopped(actor, study, lesion, data, admitted, modality, obstacle)
    names = _seal(study.patient, admitted)
    with clinic_context(actor.clinic_id):
        patient = Patient.objects.select_for_update().get(pk=study.patient_id)
        _wait_for_twins(admitted)
        if (known := _known(patient, admitted)) is not None:
            audit.repeated_image(actor, known)
            return Ingested(known, created=False)
        # Once more, now that nobody else can be admitting the same bytes or the same UID.
        obstacle = _obstacle(patient, admitted, identity_settled)
        if not obstacle:
            kind = modality or told_by(admitted.dicom)
            instance = _write(actor, study, patient, lesion, admitted, kind, names)
            return Ingested(instance, created=True)
    raise _stopped(actor, study, lesion, data, admitted, modality, obstacle)


def _write(
    actor: Actor,
    study: Study,
    patient: Patient,
    lesion: Lesion | None,
    admitted: formats.Admitted,
    modality: str,
    names: dict[str, str],
) -> Instance:
    check_consent(patient)
    instance = Instance.objects.create(
        clinic_id=actor.clinic_id,
        study=study,
        patient=patient,
        lesion=lesion,
        sha256=admitted.sha256,
        format=admitted.format,
        modality=modality,
        media_type=admitted.image_media_type,
        width=admitted.width,
        height=admitted.height,
        sop_instance_uid=(admitted.dicom and admitted.dicom.sop_instance_uid) or new_uid(),
        source=_source(admitted),
        quality=admitted.quality,
        created_by=actor.person,
        **names,
    )
    audit.admitted_image(actor, instance)
    for step in steps.on_admitted:
        step(actor, instance)
    for filed in steps.on_filed:
        filed([study.pk])
    return instance


def target(
    actor: Actor, study_id: uuid.UUID, lesion_id: uuid.UUID | None
) -> tuple[Study, Lesion | None]:
    """The visit and the lesion that a file is meant for. Call it in the clinic's context."""
    policies.require(actor, "add", Instance)
    study = policies.find(actor, "view", Study.objects.select_related("patient"), pk=study_id)
    if lesion_id is None:
        return study, None
    lesions = Lesion.objects.filter(patient_id=study.patient_id)
    return study, policies.find(actor, "view", lesions, pk=lesion_id)


def check_consent(patient: Patient) -> None:
    """Conflict until the patient has agreed to photographs for care."""
    if not allows(patient, Purpose.CARE):
        raise Conflict(
            _("Record the patient's consent to photographs for care before the first image.")
        )


def _known(patient: Patient, admitted: formats.Admitted) -> Instance | None:
    return Instance.objects.filter(patient=patient, sha256=admitted.sha256).first()


def _obstacle(
    patient: Patient, admitted: formats.Admitted, identity_settled: bool
) -> dict[str, Any] | str:
    """Why an image cannot be filed as it is: a Quarantine's fields, UID_TAKEN, or nothing ("")."""
    if not identity_settled:
        if found := differences(admitted.dicom, patient):
            return {"kind": Quarantine.Kind.MISMATCH, "differences": found}
        twins = Instance.objects.filter(clinic_id=patient.clinic_id, sha256=admitted.sha256)
        twin = twins.exclude(patient=patient).select_related("patient").first()
        if twin is not None:
            mrns = {"file": twin.patient.mrn, "record": patient.mrn}
            return {"kind": Quarantine.Kind.OTHER_PATIENT, "differences": {"mrn": mrns}}
    return UID_TAKEN if uid_taken(admitted) else ""


def uid_taken(admitted: formats.Admitted) -> bool:
    """Has another image of the clinic this SOP Instance UID?"""
    uid = admitted.dicom.sop_instance_uid if admitted.dicom else ""
    return bool(uid) and Instance.objects.filter(sop_instance_uid=uid).exists()


def _wait_for_twins(admitted: formats.Admitted) -> None:
    """Until no other transaction is admitting the same bytes or the same UID."""
    uid = admitted.dicom.sop_instance_uid if admitted.dicom else ""
    with connection.cursor() as cursor:
        for text in sorted({admitted.sha256, uid} - {""}):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [text])


def _stopped(
    actor: Actor,
    study: Study,
    lesion: Lesion | None,
    data: bytes,
    admitted: formats.Admitted,
    modality: str,
    obstacle: dict[str, Any] | str,
) -> DomainError:
    """Record why the image was not filed; returns the error to raise."""
    if isinstance(obstacle, dict):
        return _hold(actor, study, lesion, data, admitted, modality, obstacle)
    sentence = _("Another image with this SOP Instance UID is on record, with other content.")
    return _reject(actor, study, data, obstacle, sentence)


def _hold(
    actor: Actor,
    study: Study,
    lesion: Lesion | None,
    data: bytes,
    admitted: formats.Admitted,
    modality: str,
    doubt: dict[str, Any],
) -> Quarantined:
    """Seal the bytes as received and write the Quarantine; returns the error to raise."""
    # A name of its own, so that a settled case can be removed while the same bytes come again.
    digest = hashlib.sha256(uuid.uuid4().bytes + data).hexdigest()
    name = name_for(actor.clinic_id, study.patient_id, digest)
    vault().put(name, data)
    with clinic_context(actor.clinic_id):
        Patient.objects.select_for_update().get(pk=study.patient_id)
        held, created = Quarantine.objects.get_or_create(
            clinic_id=actor.clinic_id,
            patient_id=study.patient_id,
            sha256=admitted.sha256,
            resolution=Quarantine.Resolution.OPEN,
            defaults={
                "study": study,
                "lesion": lesion,
                "held_name": name,
                "modality": modality,
                "created_by": actor.person,
                **doubt,
            },
        )
        if created:
            alarm = held.kind == Quarantine.Kind.OTHER_PATIENT
            audit.quarantined_image(actor, held, alarm=alarm)
    if not created:
        vault().delete(name)
    sentences = {
        Quarantine.Kind.MISMATCH: _(
            "The file names another person than the chosen patient. It is held in quarantine "
            "until somebody confirms with two identifiers whose it is."
        ),
        Quarantine.Kind.OTHER_PATIENT: _(
            "The same image is already in another patient's record. It is held in quarantine "
            "until somebody confirms with two identifiers whose it is."
        ),
    }
    return Quarantined(sentences[Quarantine.Kind(held.kind)], quarantine=str(held.pk))


def refuse_unread(*, actor: Actor, study_id: uuid.UUID, size: int) -> UploadRefused:
    """Write the Rejection of a file too large to be read at all; returns the error to raise."""
    with clinic_context(actor.clinic_id):
        study, _lesion = target(actor, study_id, None)
    refused = formats.Refused("too-large", limit=formats.MAX_BYTES // 1024**2)
    return _reject(actor, study, None, refused.code, refused.message, size=size)


def _reject(
    actor: Actor, study: Study, data: bytes | None, code: str, reason: Any, *, size: int = 0
) -> UploadRefused:
    """Write the Rejection; returns the error to raise. `data` is None where nothing was read."""
    with clinic_context(actor.clinic_id):
        rejection = Rejection.objects.create(
            clinic_id=actor.clinic_id,
            patient_id=study.patient_id,
            study=study,
            code=code,
            reason=str(reason),
            sha256="" if data is None else hashlib.sha256(data).hexdigest(),
            size=size if data is None else len(data),
            rejected_by=actor.person,
        )
        audit.rejected_image(actor, rejection)
    return UploadRefused(reason, code=code, rejection=str(rejection.pk))


def _seal(patient: Patient, admitted: formats.Admitted) -> dict[str, str]:
    """Put the image, its thumbnail and a DICOM original into the vault; their names by field."""
    parts = {
        "image_name": admitted.image,
        "thumbnail_name": admitted.thumbnail,
        "original_name": admitted.original,
    }
    names = {}
    for field, content in parts.items():
        if content is None:
            continue
        digest = hashlib.sha256(content).hexdigest()
        names[field] = name_for(patient.clinic_id, patient.pk, digest)
        vault().put(names[field], content)
    return names


def _source(admitted: formats.Admitted) -> dict[str, Any]:
    tags = admitted.dicom
    if tags is None:
        return {}
    return {name: value for name in SOURCE_TAGS if (value := getattr(tags, name, None))}
