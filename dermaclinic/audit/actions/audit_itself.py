"""Reading the audit, taking it along, and looking into what stands out."""

import uuid
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def viewed_audit(actor: "Actor", *, filters: dict[str, str], shown: int) -> None:
    write(actor, "audit.viewed", detail={"filters": filters, "shown": shown})


def exported_audit(actor: "Actor", *, form: str, filters: dict[str, str], rows: int) -> None:
    """Written before the first row leaves: whoever breaks the download off had it all the same."""
    write(actor, "audit.exported", detail={"form": form, "filters": filters, "rows": rows})


def viewed_accesses(actor: "Actor", patient: uuid.UUID, *, rows: int) -> None:
    """Somebody looked at who had accessed a patient's record, as the patient would be told."""
    write(actor, "audit.accesses_viewed", patient=patient, detail={"rows": rows})


def disclosed_accesses(
    actor: "Actor", patient: uuid.UUID, *, filters: dict[str, str], rows: int, named: bool
) -> None:
    """The list of accesses was made for the patient; `named`: with the people's names."""
    write(
        actor, "audit.disclosed", patient=patient,
        detail={"filters": filters, "rows": rows, "named": named},
    )  # fmt: skip


def viewed_unusual(actor: "Actor", *, filters: dict[str, str], shown: int) -> None:
    write(actor, "audit.unusual_viewed", detail={"filters": filters, "shown": shown})


def reviewed_flag(actor: "Actor", review: Any) -> None:
    """What was found out is in the review; it may name people, so it is not repeated here."""
    write(
        actor, "audit.flag_reviewed", obj=review,
        detail={"kind": review.kind, "person": str(review.person_id)},
    )  # fmt: skip
