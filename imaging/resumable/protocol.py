"""The headers of tus 1.0.0: read, checked, and written into answers.

Core protocol with the extensions creation, checksum, termination and expiration. One departure: the
request that brings the last byte is answered with what became of the file (a tile, or problem
details) instead of an empty 204, so that the photographer sees it while the patient is there.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date
from django.utils.translation import gettext_lazy as _

from dermaclinic.errors import Conflict, DomainError, Invalid
from imaging.formats import MAX_BYTES

VERSION = "1.0.0"
CHUNK_TYPE = "application/offset+octet-stream"
MOST_AT_ONCE = 8 * 1024 * 1024  # bytes in one PATCH
ALGORITHMS = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}
WHOLE_FILE = "sha256"  # a key of Upload-Metadata: the file's own digest, in hex
_NUMBER = re.compile(r"[0-9]{1,15}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class WrongVersion(DomainError):
    """The sender speaks another version of tus."""

    status = 412
    slug = "tus-version"


class WrongType(DomainError):
    """The bytes of a part are not said to be such."""

    status = 415
    slug = "unsupported-media-type"


class TooLarge(DomainError):
    """More than a file may have, or than is missing of it."""

    status = 413
    slug = "too-large"


class WrongOffset(Conflict):
    """The sender goes on at another place than where the file ends so far."""

    slug = "wrong-offset"

    def __init__(self, offset: int) -> None:
        super().__init__(_("The file is there up to another place. Ask how far, and go on there."))
        self.offset = offset


class Busy(DomainError):
    """Another request is looking at the whole file just now."""

    status = 423
    slug = "locked"


class Gone(DomainError):
    """The upload was given up, or has waited for too long."""

    status = 410
    slug = "gone"
    title = _("This upload is no longer there")


class WrongChecksum(DomainError):
    """What has arrived is not what was sent."""

    status = 460
    slug = "checksum-mismatch"
    title = _("The file was changed on its way")


def check_version(request: HttpRequest) -> None:
    """Raise WrongVersion unless the sender speaks this one."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise WrongVersion(_("Say “Tus-Resumable: 1.0.0”; this is the only version here."))


def length(request: HttpRequest) -> int:
    """How many bytes the file will have. Invalid when that is left open."""
    return _number(request, "Upload-Length")


def offset(request: HttpRequest) -> int:
    """Where the bytes of this part belong."""
    return _number(request, "Upload-Offset")


def _number(request: HttpRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not _NUMBER.fullmatch(text):
        raise Invalid(_("The header %(name)s needs a number of bytes.") % {"name": name})
    return int(text)


def metadata(request: HttpRequest) -> Mapping[str, str]:
    """The pairs of Upload-Metadata, decoded; a key without a value has "". Raises Invalid."""
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in _said(request).split(","))):
        key, _space, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid(_("The header Upload-Metadata is not what tus says of it.")) from None
    if (digest := found.get(WHOLE_FILE)) and not _SHA256.fullmatch(digest):
        raise Invalid(_("A SHA-256 is 64 lower-case hexadecimal digits."))
    return found


def _said(request: HttpRequest) -> str:
    return str(request.headers.get("Upload-Metadata", ""))


def part(request: HttpRequest) -> bytes:
    """What has arrived of a part: all of it, or its beginning when the connection broke off.

    A part with a checksum is whole or nothing. Raises WrongType, TooLarge, WrongChecksum, Invalid.
    """
    declared = int(request.META.get("CONTENT_LENGTH") or 0)
    if declared and request.content_type != CHUNK_TYPE:
        raise WrongType(_("A part of a file is sent as %(type)s.") % {"type": CHUNK_TYPE})
    if declared > MOST_AT_ONCE:
        raise TooLarge(_("Send at most 8 MB at once."))
    data = _read(request, declared)
    if said := request.headers.get("Upload-Checksum"):
        _compare(said, data)
    return data


def _read(request: HttpRequest, left: int) -> bytes:
    """Everything up to the end, or to the break: what is there need not be sent again."""
    blocks: list[bytes] = []
    while left > 0:
        try:
            block = request.read(min(left, 256 * 1024))
        except OSError:  # Django's UnreadablePostError is one
            break
        if not block:
            break
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _compare(said: str, data: bytes) -> None:
    name, _space, value = said.partition(" ")
    try:
        algorithm, digest = ALGORITHMS[name], base64.b64decode(value, validate=True)
    except (KeyError, binascii.Error):
        raise Invalid(_("The header Upload-Checksum is not understood.")) from None
    if algorithm(data).digest() != digest:
        raise WrongChecksum(_("This part did not arrive as it was sent. Send it again."))


def ending(filename: str) -> str:
    """A file's ending, which is all that is kept of its name; "" for none, or an odd one."""
    text = filename.rpartition(".")[2].lower() if "." in filename else ""
    return text if re.fullmatch(r"[a-z0-9]{1,10}", text) else ""


def told(response: HttpResponse, *, at: int | None = None, of: int | None = None,
         expires: datetime | None = None) -> HttpResponse:  # fmt: skip
    """The answer with what every one of them says, how far the file is, and until when it waits."""
    response.headers["Tus-Resumable"] = VERSION
    if at is not None:
        response.headers["Upload-Offset"] = str(at)
    if of is not None:
        response.headers["Upload-Length"] = str(of)
    if expires is not None:
        response.headers["Upload-Expires"] = http_date(expires.timestamp())
    return response


def abilities(response: HttpResponse) -> HttpResponse:
    """What the server can do, as OPTIONS asks."""
    response.headers["Tus-Version"] = VERSION
    response.headers["Tus-Extension"] = "creation,checksum,termination,expiration"
    response.headers["Tus-Max-Size"] = str(MAX_BYTES)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
    return told(response)
