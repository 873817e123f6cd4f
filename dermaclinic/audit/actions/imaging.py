"""Visits, images, and what is held back."""

from typing import TYPE_CHECKING, Any

from dermaclinic.audit.actions.base import event, write, write_all

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor


def started_study(actor: "Actor", study: Any) -> None:
    write(actor, "study.started", obj=study)


def admitted_image(actor: "Actor", instance: Any) -> None:
    write(
        actor, "image.admitted", obj=instance,
        detail={"sha256": instance.sha256, "format": instance.format},
    )  # fmt: skip


def repeated_image(actor: "Actor", instance: Any) -> None:
    write(actor, "image.repeated", obj=instance)


def began_upload(actor: "Actor", upload: Any) -> None:
    write(actor, "upload.begun", obj=upload, detail={"bytes": upload.length})


def resumed_upload(actor: "Actor", upload: Any) -> None:
    write(actor, "upload.resumed", obj=upload, detail={"there": upload.offset})


def discarded_upload(actor: "Actor", upload: Any) -> None:
    write(actor, "upload.discarded", obj=upload, detail={"there": upload.offset})


def rejected_image(actor: "Actor", rejection: Any) -> None:
    write(
        actor,
        "image.rejected",
        obj=rejection,
        outcome="failure",
        detail={"code": rejection.code},
    )


def quarantined_image(actor: "Actor", held: Any, *, alarm: bool) -> None:
    write(
        actor, "image.quarantined", obj=held, outcome="alarm" if alarm else "success",
        detail={"reason": held.kind},
    )  # fmt: skip


def resolved_quarantine(actor: "Actor", held: Any) -> None:
    write(
        actor,
        "quarantine.resolved",
        obj=held,
        detail={"resolution": held.resolution, "identifiers": held.identifiers},
    )


def viewed_quarantine(actor: "Actor", *held: Any) -> None:
    """One image that is held, or the list of them: an event each, for the patient's sake."""
    write_all([event(actor, "quarantine.viewed", obj=each) for each in held])


def assigned_image(actor: "Actor", instance: Any, *, lesion: Any) -> None:
    write(actor, "image.assigned", obj=instance, detail={"lesion": str(lesion)})


def took_back_assignment(actor: "Actor", instance: Any, *, lesion: Any, to: Any) -> None:
    """An image goes back to where it was filed before: to another lesion, or to none."""
    write(
        actor, "image.assignment_taken_back", obj=instance,
        detail={"from": str(lesion), "to": str(to) if to else ""},
    )  # fmt: skip


def corrected_image_kind(actor: "Actor", instance: Any, *, former: str) -> None:
    """Somebody said anew how an image was taken."""
    write(
        actor, "image.kind_corrected", obj=instance,
        detail={"from": former, "to": instance.modality},
    )  # fmt: skip


def moved_image(actor: "Actor", instance: Any, *, from_patient: Any, reason: str) -> None:
    """A misfiled image went to another record; written for both patients."""
    for patient in {from_patient, instance.patient_id}:
        write(
            actor, "image.moved", obj=instance, patient=patient,
            detail={"from": str(from_patient), "to": str(instance.patient_id), "reason": reason},
        )  # fmt: skip


def viewed_image(actor: "Actor", instance: Any, *, rendition: str) -> None:
    write(actor, "image.viewed", obj=instance, detail={"rendition": rendition})
