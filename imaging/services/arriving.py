"""Files that arrive in parts: begun, continued after whatever broke off, and handed to `ingest`.

An upload is its sender's alone. Its bytes lie sealed in the vault until it is whole; after a day
the sweep removes what never was. What a settled one became can be asked for again: the answer to
the last part may be what got lost.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor, system_actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import Conflict, DomainError
from imaging.formats import MAX_BYTES
from imaging.models import Instance, Upload, UploadPart
from imaging.resumable import parts, protocol
from imaging.services.ingest import (
    Ingested,
    Quarantined,
    UploadRefused,
    check_consent,
    ingest,
    refuse_unread,
    target,
)
from imaging.services.modality import checked

KEPT = timedelta(days=1)
MOST_PARTS = 1000  # of one file: 64 KiB each of the largest there may be
MOST_OPEN = 20  # of one person: three are on their way at a time, the others were broken off
SETTLING = timedelta(minutes=3)  # longer than the reader of a file may take
_FINAL: dict[str, type[DomainError]] = {each.slug: each for each in (UploadRefused, Quarantined)}


class TooManyUnfinished(Conflict):
    """To wait does not help (429 would say so): the person has to choose or discard."""

    slug = "too-many-unfinished"
    title = _("Too many unfinished files")


@dataclass(frozen=True)
class Begun:
    """Where to send the bytes; or the image, when the patient's record has this file already."""

    upload: Upload | None
    known: Instance | None


def begin_upload(
    *,
    actor: Actor,
    study_id: uuid.UUID,
    length: int,
    filename: str = "",
    lesion_id: uuid.UUID | None = None,
    modality: str = "",
    sha256: str = "",
) -> Begun:
    """Make room for a file of `length` bytes. With `sha256` (hex) an unfinished one goes on.

    Raises UploadRefused for too many bytes, TooManyUnfinished, and what `ingest` raises before it
    reads anything.
    """
    checked(modality)
    if length > MAX_BYTES:
        raise refuse_unread(actor=actor, study_id=study_id, size=length)
    with clinic_context(actor.clinic_id):
        study, lesion = target(actor, study_id, lesion_id)
        policies.require(actor, "add", Upload)
        check_consent(study.patient)
        if sha256:
            known = Instance.objects.filter(patient=study.patient, sha256=sha256).first()
            if known is not None:
                audit.repeated_image(actor, known)
                return Begun(None, known)
        _wait_for_own(actor)
        mine = _open().filter(created_by=actor.person)
        same = mine.filter(study=study, length=length, sha256=sha256).first() if sha256 else None
        if same is not None:
            same.lesion, same.modality = lesion, modality
            same.save(update_fields=["lesion", "modality"])
            audit.resumed_upload(actor, same)
            return Begun(same, None)
        # The same file under another length, where one of the two is wrong, or not yet swept though
        # its day is over: the older one goes. `_wait_for_own` lets no other tab begin it meanwhile.
        rows = Upload.objects.filter(created_by=actor.person, settled_at__isnull=True)
        stale = list(rows.filter(study=study, sha256=sha256)) if sha256 else []
        if mine.exclude(pk__in=[each.pk for each in stale]).count() >= MOST_OPEN:
            raise TooManyUnfinished(
                _(
                    "%(count)s files of yours have not arrived completely. Choose them again, or "
                    "discard them: the page of each visit lists its own, and links to the others."
                )
                % {"count": MOST_OPEN}
            )
        for each in stale:
            audit.discarded_upload(actor, each)
        names = _names(stale)
        Upload.objects.filter(pk__in=[each.pk for each in stale]).delete()
        upload = Upload.objects.create(
            clinic_id=actor.clinic_id,
            study=study,
            patient=study.patient,
            lesion=lesion,
            modality=modality,
            ending=protocol.ending(filename),
            sha256=sha256,
            length=length,
            created_by=actor.person,
            expires_at=timezone.now() + KEPT,
        )
        audit.began_upload(actor, upload)
    parts.forget(names)
    return Begun(upload, None)


def upload_state(*, actor: Actor, upload_id: uuid.UUID) -> Upload:
    """How far an upload of one's own is. NotFound for anybody else's, Gone when its day is over."""
    with clinic_context(actor.clinic_id):
        return _own(actor, upload_id)


def receive_part(*, actor: Actor, upload_id: uuid.UUID, offset: int, data: bytes) -> Upload:
    """Keep the next bytes. WrongOffset where they do not continue what is there, TooLarge for more
    than is missing, or for one part of too many that is not the last; nothing of such a part is
    kept. Returns the upload as it then is."""
    with clinic_context(actor.clinic_id):
        upload = _own(actor, upload_id, lock=True)
        if offset != upload.offset:
            raise protocol.WrongOffset(upload.offset)
        if upload.offset + len(data) > upload.length:
            raise protocol.TooLarge(_("These are more bytes than are missing of the file."))
        # Each part is an object of the vault and a row, however small it is.
        is_last = upload.offset + len(data) == upload.length
        if not is_last and upload.parts.count() >= MOST_PARTS:
            raise protocol.TooLarge(
                _("The file came in too many pieces. Discard what is here of it and send it again.")
            )
        if data:
            parts.put(upload, data)
            upload.offset += len(data)
            upload.save(update_fields=["offset"])
    return upload


def settle_upload(*, actor: Actor, upload_id: uuid.UUID) -> Ingested:
    """Hand a whole file to `ingest`, or answer again what it answered.

    Raises what `ingest` raises. What is final (refused, held) is kept with the upload; after
    anything else (no consent, a fault) the bytes stay, and it can be asked again. Busy while
    another request is at it; WrongChecksum when the bytes are not what was announced.
    """
    with clinic_context(actor.clinic_id):
        upload = _own(actor, upload_id, lock=True)
        if upload.settled_at is not None:
            return _again(actor, upload)
        if upload.offset < upload.length:
            raise protocol.WrongOffset(upload.offset)
        if upload.settling_until is not None and upload.settling_until > timezone.now():
            raise protocol.Busy(_("The file is being looked at. Ask again in a moment."))
        upload.settling_until = timezone.now() + SETTLING
        upload.save(update_fields=["settling_until"])
        names = _names([upload])
    try:
        data = parts.joined(names)
        if upload.sha256 and hashlib.sha256(data).hexdigest() != upload.sha256:
            discard_upload(actor=actor, upload_id=upload_id)
            raise protocol.WrongChecksum(
                _("The file did not arrive as it was sent. Send it again.")
            )
        ingested = ingest(
            actor=actor,
            study_id=upload.study_id,
            data=data,
            filename=f"file.{upload.ending}" if upload.ending else "",
            lesion_id=upload.lesion_id,
            modality=upload.modality,
        )
    except (UploadRefused, Quarantined) as error:
        final = {"slug": error.slug, "detail": str(error.detail), "extra": error.extra}
        _close(actor, upload_id, names, problem=final)
        raise
    except BaseException:
        with clinic_context(actor.clinic_id):
            Upload.objects.filter(pk=upload_id).update(settling_until=None)
        raise
    _close(actor, upload_id, names, instance=ingested.instance)
    return ingested


def discard_upload(*, actor: Actor, upload_id: uuid.UUID) -> None:
    """Give an upload of one's own up: nothing of it is kept."""
    with clinic_context(actor.clinic_id):
        policies.require(actor, "discard", Upload)
        upload = _own(actor, upload_id, lock=True)
        names = _names([upload])
        audit.discarded_upload(actor, upload)
        upload.delete()
    parts.forget(names)


def sweep_uploads(*, clinic_id: uuid.UUID) -> int:
    """Remove the uploads of a clinic whose day is over; how many. For the worker's hourly sweep."""
    with clinic_context(clinic_id):
        over = list(Upload.objects.filter(expires_at__lt=timezone.now()))
        names = _names(over)
        sweeper = system_actor(clinic_id, task="sweep")
        for each in over:
            if each.settled_at is None:
                audit.discarded_upload(sweeper, each)
        UploadPart.objects.filter(upload__in=over).delete()
        Upload.objects.filter(pk__in=[each.pk for each in over]).delete()
    parts.forget(names)
    return len(over)


def _open() -> Any:
    return Upload.objects.filter(settled_at__isnull=True, expires_at__gt=timezone.now())


def _own(actor: Actor, upload_id: uuid.UUID, *, lock: bool = False) -> Upload:
    rows = Upload.objects.filter(created_by=actor.person)
    upload = policies.find(actor, "view", rows.select_for_update() if lock else rows, pk=upload_id)
    if upload.expires_at <= timezone.now():
        raise protocol.Gone(_("The file has waited for more than a day. Send it again."))
    return upload


def _wait_for_own(actor: Actor) -> None:
    """Until no other request of this person begins an upload: they are counted one by one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"uploads {actor.person.pk}"]
        )


def _names(uploads: list[Upload]) -> list[str]:
    found = UploadPart.objects.filter(upload__in=uploads).order_by("upload", "start")
    return list(found.values_list("name", flat=True))


def _again(actor: Actor, upload: Upload) -> Ingested:
    if upload.instance is not None:
        audit.repeated_image(actor, upload.instance)
        return Ingested(upload.instance, created=False)
    said: dict[str, Any] = upload.problem
    raise _FINAL[said["slug"]](said["detail"], **said["extra"])


def _close(
    actor: Actor,
    upload_id: uuid.UUID,
    names: list[str],
    *,
    instance: Instance | None = None,
    problem: dict[str, Any] | None = None,
) -> None:
    now: datetime = timezone.now()
    with clinic_context(actor.clinic_id):
        UploadPart.objects.filter(upload=upload_id).delete()
        Upload.objects.filter(pk=upload_id).update(
            settled_at=now, settling_until=None, instance=instance, problem=problem or {}
        )
    parts.forget(names)
