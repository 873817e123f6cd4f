"""Who looked at a patient's record: a page for whoever hands the list out, and its PDF.

A disclosure to the person concerned (GDPR art. 15). The list itself is in dermaclinic.audit; here
are the patient's name, the wording around it and the document.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.disclosure import Accesses, accesses, zone
from dermaclinic.audit.models import Event
from dermaclinic.audit.selectors import as_text, concerning, within
from dermaclinic.pdf import draw
from patients.models import Patient

ON_REQUEST = "PATRQT"  # HL7 v3 PurposeOfUse: patient requested


@dataclass(frozen=True)
class Listing:
    """A patient's accesses between two days (None: from the first, until now)."""

    patient: Patient
    clinic: Clinic
    accesses: Accesses
    since: date | None
    until: date | None
    at: datetime


def of_patient(
    *, actor: Actor, patient_id: uuid.UUID, since: date | None = None, until: date | None = None
) -> Listing:
    """The list as it would be handed out; a look that is written down.

    Raises Forbidden, NotFound; Invalid when it is too long for one list.
    """
    actor = actor.for_purpose(ON_REQUEST)
    with clinic_context(actor.clinic_id):
        found = _listing(actor, patient_id, since, until)
        audit.viewed_accesses(actor, patient_id, rows=found.accesses.lines)
    return found


def document(
    *,
    actor: Actor,
    patient_id: uuid.UUID,
    since: date | None = None,
    until: date | None = None,
    named: bool = True,
) -> bytes:
    """The list as PDF, and the event that it was made. Without `named` only roles are told.

    Raises Forbidden, NotFound; Invalid when it is too long; CannotRender.
    """
    actor = actor.for_purpose(ON_REQUEST)
    with clinic_context(actor.clinic_id):
        found = _listing(actor, patient_id, since, until)
    made = draw(page(found, actor, named=named), {}, identifier=_identifier(found))
    with clinic_context(actor.clinic_id):
        audit.disclosed_accesses(
            actor, patient_id, rows=found.accesses.lines, named=named,
            filters=as_text({"since": since, "until": until}),
        )  # fmt: skip
    return made


def page(found: Listing, actor: Actor, *, named: bool) -> str:
    """The document that is printed, as HTML."""
    context: dict[str, Any] = {
        "listing": found,
        "patient": found.patient,
        "clinic": found.clinic,
        "accesses": found.accesses,
        "named": named,
        "handed_out_by": actor.name,
        "zone": zone(),
    }
    return render_to_string("reports/pdf/accesses.html", context)


def _listing(
    actor: Actor, patient_id: uuid.UUID, since: date | None, until: date | None
) -> Listing:
    patient = policies.find(actor, "disclose", Patient.objects.all(), pk=patient_id)
    events = Event.objects.filter(clinic_id=actor.clinic_id)
    concerned = within(concerning(events, patient_id), since, until)
    return Listing(
        patient=patient,
        clinic=Clinic.objects.get(pk=actor.clinic_id),
        accesses=accesses(concerned, patient_id),
        since=since,
        until=until,
        at=timezone.now(),
    )


def _identifier(found: Listing) -> bytes:
    text = f"{found.patient.pk} {found.at.isoformat()}"
    return hashlib.sha256(text.encode()).hexdigest()[:32].encode()
