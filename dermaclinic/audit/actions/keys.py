"""Keys of what is sealed. They serve all clinics at once: each clinic's audit is told."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dermaclinic.audit.actions.base import write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def started_key_rotation(actor: "Actor", *, to: str) -> None:
    """Data keys are being wrapped under the key `to`; written anew when a rotation goes on."""
    write(actor, "keys.rotation_started", detail={"to": to})


def rotated_keys(
    actor: "Actor", *, to: str, objects: int, values: int, retired: Sequence[str]
) -> None:
    """Everything is under the key `to`: `objects` in the vault and `values` of this clinic's
    columns were rewrapped by this run; the keys `retired` open nothing any more."""
    write(
        actor, "keys.rotated",
        detail={"to": to, "objects": objects, "values": values, "retired": list(retired)},
    )  # fmt: skip
