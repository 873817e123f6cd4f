"""Second readings: asked for, claimed, read blind, and how two who differ come together."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from dermaclinic.audit.actions.base import strings, write

if TYPE_CHECKING:
    from dermaclinic.accounts.actor import Actor
    from dermaclinic.audit.models import Event


def asked_second_reading(actor: "Actor", reading: Any) -> None:
    write(actor, "second_reading.asked", obj=reading, detail={"reason": reading.reason})


def closed_second_reading(actor: "Actor", reading: Any) -> None:
    """It is not read any more: what it was to be compared with is gone."""
    write(actor, "second_reading.closed", obj=reading, detail={"why": reading.closed_why})


def viewed_second_readings(
    actor: "Actor", *, shown: Iterable[Any], readings: Iterable[Any]
) -> None:
    """The patients that the list showed, as in a search, and their readings."""
    write(
        actor,
        "second_reading.listed",
        detail={"shown": strings(shown), "readings": strings(readings)},
    )


def viewed_second_reading(actor: "Actor", reading: Any, *, form: str) -> None:
    """`form`: "cover", "blind", or "compared" with the first reading and the opinion."""
    detail = {"form": form, "lesion": str(reading.lesion_id)}
    write(actor, "second_reading.viewed", obj=reading, detail=detail)


def claimed_second_reading(actor: "Actor", reading: Any, *, released: bool = False) -> None:
    action = "second_reading.released" if released else "second_reading.claimed"
    write(actor, action, obj=reading)


def recorded_second_reading(actor: "Actor", reading: Any) -> None:
    write(actor, "second_reading.recorded", obj=reading, detail={"outcome": reading.outcome})


def kept_out_of_record(look: "Event") -> None:
    """A second reader, who is to judge blind, asked for more of the record; survives a rollback."""
    from dermaclinic.audit import record
    from dermaclinic.audit.models import Event, Outcome

    made = Event(
        at=timezone.now(),
        clinic_id=look.clinic_id,
        actor_id=look.actor_id,
        role=look.role,
        action="second_reading.kept_out",
        object_type=look.object_type,
        object_id=look.object_id,
        patient_id=look.patient_id,
        outcome=Outcome.DENIED,
        purpose=look.purpose,
        request_id=look.request_id,
        address=look.address,
        detail={"asked": look.action},
    )
    record.write_past_rollback(record.sign(made))


def proposed_consensus(actor: "Actor", proposal: Any) -> None:
    write(actor, "consensus.proposed", obj=proposal)


def withdrew_proposal(actor: "Actor", proposal: Any) -> None:
    write(actor, "consensus.proposal_withdrawn", obj=proposal)


def asked_third_doctor(actor: "Actor", reading: Any, *, taken_back: bool = False) -> None:
    action = "consensus.third_taken_back" if taken_back else "consensus.third_asked"
    write(actor, action, obj=reading)


def decided_consensus(actor: "Actor", consensus: Any) -> None:
    """The second of two doctors has agreed; the first one's name is in the proposal."""
    write(
        actor,
        "consensus.decided",
        obj=consensus,
        detail={
            "proposed_by": str(consensus.proposed_by_id),
            "assessment": str(consensus.assessment_id),
        },
    )
