"""What was asked for and refused."""

from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, write_past_rollback

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def denied(actor: "Actor", *, verb: str, obj: Any) -> None:
    """Somebody asked for what their role or clinic does not allow; survives any rollback."""
    write_past_rollback(
        event(actor, "access.denied", obj=obj, outcome="denied", detail={"verb": verb})
    )


def not_found(actor: "Actor", *, verb: str, model: Any, lookup: dict[str, Any]) -> None:
    """Somebody asked for an id that is not in their clinic: a typo, or somebody trying."""
    detail = {
        "verb": verb,
        "lookup": {name: str(value) for name, value in lookup.items()},
    }
    write_past_rollback(
        event(actor, "access.not_found", obj=model, outcome="denied", detail=detail)
    )
