"""What an event's and a seal's signature covers, byte for byte, and the Merkle tree over events.

Canonical form: JSON with sorted keys and no spaces, UTF-8. Leaves and nodes of the tree are hashed
with different prefixes (RFC 6962 § 2.1), so that a node can never pass for an event.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dermaclinic.audit.models import Event, Seal


@lru_cache
def _decoded(setting: str, value: str) -> bytes:
    key = base64.b64decode(value) if value else b""
    if len(key) < 32:
        raise ImproperlyConfigured(f"{setting} must be at least 32 bytes in base64.")
    return key


def key(setting: str) -> bytes:
    """The key behind AUDIT_EVENT_KEY or AUDIT_SEAL_KEY; ImproperlyConfigured if too short."""
    return _decoded(setting, getattr(settings, setting))


def canonical(value: Any) -> bytes:
    """The one byte string of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def event_bytes(event: Event) -> bytes:
    """Everything an event says, except its number and transaction, which PostgreSQL gives."""
    return canonical(
        {
            "uid": str(event.uid),
            "at": event.at.isoformat(),
            "clinic": _text(event.clinic_id),
            "actor": _text(event.actor_id),
            "role": event.role,
            "action": event.action,
            "object": [event.object_type, event.object_id],
            "patient": _text(event.patient_id),
            "outcome": str(event.outcome),
            "purpose": event.purpose,
            "request": event.request_id,
            "address": _text(event.address),
            "detail": event.detail,
        }
    )


def event_mac(event: Event) -> bytes:
    """HMAC-SHA256 over the event's content, under the key of the processes that write events."""
    return hmac.digest(key("AUDIT_EVENT_KEY"), event_bytes(event), "sha256")


def leaf(event: Event) -> bytes:
    """The event's leaf in the Merkle tree: its number and signature."""
    return hashlib.sha256(b"\x00" + event.id.to_bytes(8, "big") + bytes(event.mac)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves in order; an odd one out moves up unchanged."""
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_path(leaves: Sequence[bytes], position: int) -> list[tuple[str, bytes]]:
    """The siblings from a leaf to the root, each with the side it stands on."""
    path: list[tuple[str, bytes]] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(("left" if sibling < position else "right", level[sibling]))
        level = _next_level(level)
        position //= 2
    return path


def root_from_path(leaf_hash: bytes, path: Sequence[tuple[str, bytes]]) -> bytes:
    """Follow a path from a leaf to the root that it claims."""
    for side, sibling in path:
        leaf_hash = _node(sibling, leaf_hash) if side == "left" else _node(leaf_hash, sibling)
    return leaf_hash


def seal_mac(seal: Seal) -> bytes:
    """HMAC-SHA256 over a seal, under the key that only the sealer holds."""
    content = canonical(
        {
            "clinic": _text(seal.clinic_id),
            "number": seal.number,
            "sealed_at": seal.sealed_at.isoformat(),
            "events": [seal.first_event, seal.last_event, seal.count],
            "merkle_root": bytes(seal.merkle_root).hex(),
            "previous": bytes(seal.previous_mac).hex(),
        }
    )
    return hmac.digest(key("AUDIT_SEAL_KEY"), content, "sha256")
