"""Patients, consents, lesions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import strings, write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def searched_patients(actor: "Actor", *, shown: Sequence[Any], fields: Sequence[str]) -> None:
    """A search: which fields were filled in and whom it showed; never what was typed."""
    write(
        actor,
        "patient.searched",
        detail={"shown": strings(shown), "fields": list(fields)},
    )


def viewed_patient(actor: "Actor", patient: Any) -> None:
    write(actor, "patient.viewed", obj=patient)


def registered_patient(actor: "Actor", patient: Any) -> None:
    write(actor, "patient.registered", obj=patient)


def changed_patient(actor: "Actor", patient: Any, *, fields: Sequence[str]) -> None:
    write(actor, "patient.changed", obj=patient, detail={"fields": list(fields)})


def recorded_consent(actor: "Actor", consent: Any) -> None:
    write(
        actor,
        "consent.recorded",
        obj=consent,
        detail={"purpose": consent.purpose, "granted": consent.granted},
    )


def added_lesion(actor: "Actor", lesion: Any) -> None:
    write(actor, "lesion.added", obj=lesion)


def changed_lesion(actor: "Actor", lesion: Any, *, fields: Sequence[str]) -> None:
    write(actor, "lesion.changed", obj=lesion, detail={"fields": list(fields)})


def viewed_lesion(actor: "Actor", lesion: Any, *, opinions: Sequence[Any]) -> None:
    """A lesion's page, with the opinions that it showed."""
    write(actor, "lesion.viewed", obj=lesion, detail={"opinions": strings(opinions)})


def placed_lesion(actor: "Actor", lesion: Any, *, before: Any, after: Any) -> None:
    """Its place on the body map, before and after; None where it had none."""
    write(actor, "lesion.placed", obj=lesion, detail={"before": before, "after": after})
