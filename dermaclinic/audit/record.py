"""Writing an event: signed, in the caller's transaction, or for denials past its rollback."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from dermaclinic.accounts.actor import Actor
from dermaclinic.audit.content import event_bytes, normal_address
from dermaclinic.audit.keyring import event_keys
from dermaclinic.audit.models import Event, Outcome

# Asked of events before they are stored, in the same transaction. Whoever looks at a record leaves
# one, so a rule that stands here holds for every page and address: it refuses by raising.
gates: list[Callable[[Sequence[Event]], None]] = []


def event(
    actor: Actor | None,
    action: str,
    *,
    obj: Any = None,
    patient: uuid.UUID | None = None,
    outcome: str = Outcome.SUCCESS,
    detail: dict[str, Any] | None = None,
    address: str = "",
    clinic_id: uuid.UUID | None = None,
) -> Event:
    """A signed event, not yet stored.

    `actor` is None before anybody has signed in; `address` and `clinic_id` are for such an event.
    """
    label, object_id = "", ""
    if obj is not None:
        label = obj._meta.label_lower
        object_id = "" if isinstance(obj, type) else str(obj.pk)
    made = Event(
        at=timezone.now(),
        clinic_id=actor.clinic_id if actor else clinic_id,
        actor_id=actor.user.pk if actor and actor.user else None,
        role=actor.role if actor else "anonymous",
        action=action,
        object_type=label,
        object_id=object_id,
        patient_id=patient if patient is not None else _patient_of(obj),
        outcome=outcome,
        purpose=actor.purpose if actor else "",
        request_id=actor.request_id if actor else "",
        address=normal_address(actor.address if actor else address) or None,
        detail=detail or {},
    )
    return sign(made)


def sign(made: Event) -> Event:
    """The same event, signed with the current key."""
    ring = event_keys()
    made.key_id = ring.current
    made.mac = ring.sign(event_bytes(made))
    return made


def _patient_of(obj: Any) -> uuid.UUID | None:
    if obj is None or isinstance(obj, type):
        return None
    if obj._meta.label_lower == "patients.patient":
        return uuid.UUID(str(obj.pk))
    return getattr(obj, "patient_id", None)


def write(events: Iterable[Event]) -> None:
    """Store events in the caller's transaction: they stand or fall with what they tell of."""
    made = list(events)
    for gate in gates:
        gate(made)
    Event.objects.bulk_create(made)


def write_past_rollback(made: Event) -> None:
    """Store an event through a connection of its own, which no rollback of the caller reaches."""
    alias = settings.AUDIT_DENIALS_DATABASE
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        clinic = str(made.clinic_id) if made.clinic_id else ""
        cursor.execute("SELECT set_config('app.clinic', %s, true)", [clinic])
        made.save(using=alias, force_insert=True)
