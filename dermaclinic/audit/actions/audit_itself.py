"""Reading the audit."""

from typing import TYPE_CHECKING

from dermaclinic.audit.actions.base import write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def viewed_audit(actor: "Actor", *, filters: dict[str, str], shown: int) -> None:
    write(actor, "audit.viewed", detail={"filters": filters, "shown": shown})
