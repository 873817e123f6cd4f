"""Passes to the images of similar cases: short-lived, and telling nothing of what they open.

A pass is sealed (AES-256-GCM), not only signed: the image's id is inside, and nobody but this
server can read it there. It is bound to the person and the clinic that it was made for.
"""

import base64
import binascii
import secrets
import struct
import time
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.crypto import salted_hmac

from dermaclinic.accounts.actor import Actor

LASTS = 300  # seconds
_NONCE = 12
_INSIDE = struct.Struct(">16sQ")  # the image's id, and when the pass ends


class PassError(Exception):
    """It opens nothing; `why` is "expired", or "not ours" for every other pass."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def issue(actor: Actor, instance_id: uuid.UUID) -> str:
    """A pass to one image for the actor, for the next LASTS seconds."""
    nonce = secrets.token_bytes(_NONCE)
    inside = _INSIDE.pack(instance_id.bytes, int(time.time()) + LASTS)
    sealed = nonce + _cipher().encrypt(nonce, inside, _bound(actor))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def opened(actor: Actor, text: str) -> uuid.UUID:
    """The id of the image that a pass of the actor's opens. PassError for every other text."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        inside = _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(actor))
        instance, ends = _INSIDE.unpack(inside)
    except (binascii.Error, InvalidTag, ValueError) as error:
        raise PassError("not ours") from error
    if time.time() >= ends:
        raise PassError("expired")
    return uuid.UUID(bytes=instance)


def _cipher() -> AESGCM:
    return AESGCM(salted_hmac("reports.passes", b"key", algorithm="sha256").digest())


def _bound(actor: Actor) -> bytes:
    return f"{actor.clinic_id}:{actor.person.pk}".encode()
