"""What an event's and a seal's signature covers, byte for byte, and the Merkle tree over events.

Canonical form: JSON with sorted keys and no spaces, UTF-8. Leaves and nodes of the tree are hashed
with different prefixes (RFC 6962 § 2.1), so that a node can never pass for an event. Nothing in
here needs Django: the processes that verify do without.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dermaclinic.audit.checking import SealRow
    from dermaclinic.audit.models import Event, Seal

# How a seal is signed. The first form left out the key's id, the horizon and the transactions.
FIRST_FORM, FORM = 1, 2
GENESIS = bytes(32)
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Any) -> bytes:
    """The one byte string of a JSON value."""
    return _encoder.encode(value).encode()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def normal_address(text: str | None) -> str | None:
    """An IP address in its one spelling; PostgreSQL and Python write some IPv6 ones differently."""
    return str(ip_address(text)) if text and ":" in text else text


def event_content(
    uid: str,
    at: str,
    clinic: str | None,
    actor: str | None,
    role: str,
    action: str,
    object_type: str,
    object_id: str,
    patient: str | None,
    outcome: str,
    purpose: str,
    request_id: str,
    address: str | None,
    detail: Any,
) -> bytes:
    """Everything an event says, except its number and transaction, which PostgreSQL gives.

    `at` is ISO 8601 in UTC with microseconds unless they are zero, as Python writes it.
    """
    return canonical(
        {
            "uid": uid,
            "at": at,
            "clinic": clinic,
            "actor": actor,
            "role": role,
            "action": action,
            "object": [object_type, object_id],
            "patient": patient,
            "outcome": outcome,
            "purpose": purpose,
            "request": request_id,
            "address": normal_address(address),
            "detail": detail,
        }
    )


def event_bytes(event: "Event") -> bytes:
    """The signed content of an event at hand."""
    return event_content(
        str(event.uid),
        event.at.isoformat(),
        _text(event.clinic_id),
        _text(event.actor_id),
        event.role,
        event.action,
        event.object_type,
        event.object_id,
        _text(event.patient_id),
        str(event.outcome),
        event.purpose,
        event.request_id,
        _text(event.address),
        event.detail,
    )


def leaf_of(form: int, number: int, xid: int, mac: bytes) -> bytes:
    """An event's leaf in the Merkle tree: its number, transaction (not in form 1) and signature."""
    own = number.to_bytes(8, "big")
    if form != FIRST_FORM:
        own += xid.to_bytes(8, "big")
    return sha256(b"\x00" + own + mac).digest()


def leaf(event: "Event", form: int = FORM) -> bytes:
    """The leaf of an event at hand."""
    return leaf_of(form, event.id, event.xid, bytes(event.mac))


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


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


def seal_bytes(seal: "Seal | SealRow") -> bytes:
    """The signed content of a seal: everything but its row's id."""
    content: dict[str, Any] = {
        "clinic": _text(seal.clinic_id),
        "number": seal.number,
        "sealed_at": seal.sealed_at.isoformat(),
        "events": [seal.first_event, seal.last_event, seal.count],
        "merkle_root": bytes(seal.merkle_root).hex(),
        "previous": bytes(seal.previous_mac).hex(),
    }
    if seal.form != FIRST_FORM:
        content |= {"form": seal.form, "key": seal.key_id, "horizon": seal.horizon}
    return canonical(content)
