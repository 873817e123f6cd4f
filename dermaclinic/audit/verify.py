"""Reads the whole audit against its seals and names the first thing that does not fit."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest

from django.utils import timezone

from dermaclinic.audit.content import (
    event_mac,
    leaf,
    merkle_path,
    merkle_root,
    root_from_path,
    seal_mac,
)
from dermaclinic.audit.models import Event, Seal
from dermaclinic.audit.sealer import GENESIS

UNSEALED_LIMIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Finding:
    """What is wrong and where: a changed, removed, added or reordered event, or a broken seal."""

    kind: str
    clinic: uuid.UUID | None
    seal: int | None
    event: int | None

    def __str__(self) -> str:
        where = f"event {self.event}" if self.event else f"seal {self.seal}"
        return f"{where} of clinic {self.clinic or '-'}: {self.kind}"


@dataclass(frozen=True)
class Verdict:
    """The result: `finding` is None when all is well, `unsealed` events wait for the sealer."""

    events: int
    seals: int
    unsealed: int
    finding: Finding | None


def verify(progress: Callable[[int], object] = lambda done: None) -> Verdict:
    """Check every seal and event, oldest seal first; stops at the first finding."""
    events = seals = 0
    previous: dict[uuid.UUID | None, Seal] = {}
    for seal in Seal.objects.order_by("clinic_id", "number").iterator(chunk_size=500):
        members = list(Event.objects.filter(sealed__seal=seal).order_by("sealed__position"))
        finding = _check(seal, members, previous.get(seal.clinic_id))
        if finding:
            return Verdict(events, seals, 0, finding)
        previous[seal.clinic_id] = seal
        events += seal.count
        seals += 1
        progress(seal.count)
    return _check_tail(events, seals)


def _check(seal: Seal, members: list[Event], previous: Seal | None) -> Finding | None:
    def found(kind: str, event: int | None = None) -> Finding:
        return Finding(kind, seal.clinic_id, seal.number, event)

    if not compare_digest(bytes(seal.mac), seal_mac(seal)):
        return found("the seal was changed")
    if seal.number != (previous.number + 1 if previous else 1):
        return found("the seal before it was removed")
    if not compare_digest(bytes(seal.previous_mac), bytes(previous.mac) if previous else GENESIS):
        return found("it does not continue the seal before it")
    for event in members:
        if event.clinic_id != seal.clinic_id or not compare_digest(
            bytes(event.mac), event_mac(event)
        ):
            return found("the event was changed", event.id)
    if len(members) < seal.count:
        return found("an event was removed", _first_missing(seal, members))
    if len(members) > seal.count:
        return found("an event was added", members[-1].id)
    if merkle_root([leaf(event) for event in members]) != bytes(seal.merkle_root):
        return found("events were exchanged or reordered", members[0].id if members else None)
    return None


def _first_missing(seal: Seal, members: list[Event]) -> int | None:
    """The sealed number that no event has any more."""
    sealed = seal.members.order_by("position").values_list("event_id", flat=True)
    present = {event.id for event in members}
    return next((number for number in sealed if number not in present), None)


def _check_tail(events: int, seals: int) -> Verdict:
    """Nothing may stay unsealed for too long, or say that it is still to come."""
    waiting = Event.objects.filter(sealed=None).order_by("id")
    now = timezone.now()
    finding = None
    if late := waiting.filter(at__lt=now - UNSEALED_LIMIT).first():
        kind = "the event has not been sealed for more than a minute"
        finding = Finding(kind, late.clinic_id, None, late.id)
    elif early := waiting.filter(at__gt=now + UNSEALED_LIMIT).first():
        finding = Finding("the event is dated in the future", early.clinic_id, None, early.id)
    return Verdict(events, seals, waiting.count(), finding)


def prove(event: Event) -> bool:
    """Does the Merkle path of this event lead to the root that the sealer signed?"""
    seal = event.sealed.seal
    members = list(Event.objects.filter(sealed__seal=seal).order_by("sealed__position"))
    position = event.sealed.position
    path = merkle_path([leaf(member) for member in members], position)
    genuine = compare_digest(bytes(event.mac), event_mac(event))
    root = root_from_path(leaf(event), path)
    signed = compare_digest(bytes(seal.mac), seal_mac(seal))
    return genuine and signed and root == bytes(seal.merkle_root)
