"""Lesions that a first doctor has judged, and a second one who is to read them."""

from typing import Any

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from reports.models import ConsensusProposal, SecondReading
from reports.second_reading import consensus, services
from tests import factories
from tests.reports import scenes
from tests.reports.scenes import MELANOMA, NEVUS

ALWAYS = [MELANOMA]


def rules(clinic: Any, *, codes: Any = (MELANOMA,), share: float = 0.0, **more: Any) -> None:
    """What the clinic reads twice, set by an administrator."""
    administrator = factories.actor(clinic, "administrator")
    with clinic_context(clinic.pk):
        held = clinic_settings.current()
    clinic_settings.change(
        actor=administrator,
        number=held.number if held else 0,
        second_read_codes=list(codes),
        second_read_share=share,
        **more,
    )


def read_first(doctor: Actor, *codes: str, triage: str = "urgent", **changes: Any) -> Any:
    """A lesion with a ready opinion, assessed by `doctor`: (assessment, study, lesion, image).

    Without more a melanoma, as the opinion says, to be excised.
    """
    scenes.model()
    study, [lesion], [image] = scenes.visit(doctor)
    scenes.finish(doctor, image, first={"mel": 0.7, "nv": 0.2}, malignant=0.75, triage=triage)
    fields = {"management": "excise", "reason": "By its network."} | changes
    made = scenes.assess(doctor, study, lesion, *(codes or (MELANOMA,)), **fields)
    return made, study, lesion, image


def asked(actor: Actor, **lookup: Any) -> list[SecondReading]:
    """The clinic's second readings, oldest first."""
    with clinic_context(actor.clinic_id):
        rows = SecondReading.objects.select_related("first", "patient", "lesion", "study")
        return list(rows.filter(**lookup).order_by("asked_at"))


def waiting(doctor: Actor, **changes: Any) -> SecondReading:
    """A second reading that nobody has claimed."""
    made = read_first(doctor, **changes)[0]
    [reading] = asked(doctor, first=made)
    return reading


def claimed(doctor: Actor, second: Actor, **changes: Any) -> SecondReading:
    """One that `second` holds."""
    reading = waiting(doctor, **changes)
    services.claim(actor=second, reading_id=reading.pk)
    return reading


def read(second: Actor, reading: SecondReading, *codes: str, **changes: Any) -> SecondReading:
    """Record it; without more as the first reader did."""
    fields = {"management": "excise", "diagnoses": list(codes) or [MELANOMA]} | changes
    return services.record(actor=second, reading_id=reading.pk, **fields)


def disputed(doctor: Actor, second: Actor, **changes: Any) -> SecondReading:
    """The first would excise a melanoma, the second discharge a nevus."""
    read(second, claimed(doctor, second, **changes), NEVUS, management="discharge")
    return asked(doctor)[-1]


def proposed(
    actor: Actor, reading: SecondReading, *codes: str, **changes: Any
) -> ConsensusProposal:
    """A proposal; without more the first reader's."""
    fields = {"management": "excise", "reason": "Looked at together."} | changes
    fields |= {"diagnoses": list(codes) or [MELANOMA]}
    return consensus.propose(actor=actor, reading_id=reading.pk, **fields)
