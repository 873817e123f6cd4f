"""Two records of one person: compared, merged, and taken apart again. Told under both patients."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def previewed_merge(actor: "Actor", survivor: Any, other: Any) -> None:
    """Two records were shown side by side, with what a merge would move."""
    for patient in (survivor, other):
        write(
            actor, "patient.merge_previewed", obj=patient,
            detail={"survivor": str(survivor.pk), "other": str(other.pk)},
        )  # fmt: skip


def merged_patients(
    actor: "Actor", merge: Any, *, moved: Mapping[str, int], fields: Sequence[str]
) -> None:
    """`moved` is how many rows came by table, `fields` which values came with them."""
    for patient in (merge.survivor_id, merge.closed_id):
        write(
            actor, "patient.merged", obj=merge, patient=patient,
            detail={
                "survivor": str(merge.survivor_id), "closed": str(merge.closed_id),
                "moved": dict(moved), "fields": list(fields), "reason": merge.reason,
            },
        )  # fmt: skip


def previewed_merge_undo(actor: "Actor", merge: Any) -> None:
    """What undoing a merge would move back was shown."""
    for patient in (merge.survivor_id, merge.closed_id):
        write(actor, "patient.merge_undo_previewed", obj=merge, patient=patient)


def undid_merge(
    actor: "Actor", merge: Any, *, moved: Mapping[str, int], fields: Sequence[str], reason: str
) -> None:
    """`moved` is how many rows went back by table, `fields` which values were restored."""
    for patient in (merge.survivor_id, merge.closed_id):
        write(
            actor, "patient.merge_undone", obj=merge, patient=patient,
            detail={
                "survivor": str(merge.survivor_id), "opened": str(merge.closed_id),
                "moved": dict(moved), "fields": list(fields), "reason": reason,
            },
        )  # fmt: skip
