"""The bytes of a file that is not whole yet: sealed in the vault like everything else.

Names hang on chance and not on content: two parts are never the same object, so that one can be
removed without asking whose else it is.
"""

import hashlib
import secrets
from collections.abc import Iterable

from imaging.models import Upload, UploadPart
from imaging.storage import name_for, vault


def put(upload: Upload, data: bytes) -> UploadPart:
    """Seal the next bytes of an upload and note them. Call it with the upload's row locked."""
    chance = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
    name = name_for(upload.clinic_id, upload.patient_id, chance)
    vault().put(name, data)
    return UploadPart.objects.create(
        clinic_id=upload.clinic_id, upload=upload, start=upload.offset, size=len(data), name=name
    )


def joined(names: Iterable[str]) -> bytes:
    """The bytes of parts, in the order given."""
    return b"".join(vault().get(name) for name in names)


def forget(names: Iterable[str]) -> None:
    """Remove sealed parts, once no row refers to them any more.

    Should the process end before, the hourly sweep finds them.
    """
    for name in names:
        vault().delete(name)
