"""What the functions of this folder write with. The model is imported late: apps load first."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from dermaclinic.audit.models import Event


def write(actor: "Actor", action: str, **fields: Any) -> None:
    """One event in the caller's transaction."""
    write_all([event(actor, action, **fields)])


def event(actor: "Actor | None", action: str, **fields: Any) -> "Event":
    """A signed event, not yet stored; see `record.event`."""
    from dermaclinic.audit import record

    return record.event(actor, action, **fields)


def write_all(events: "Iterable[Event]") -> None:
    from dermaclinic.audit import record

    record.write(events)


def write_past_rollback(made: "Event") -> None:
    """An event that survives the caller's rollback."""
    from dermaclinic.audit import record

    record.write_past_rollback(made)


def strings(ids: Iterable[Any]) -> list[str]:
    return [str(each) for each in ids]
