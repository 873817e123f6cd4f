"""Everything that reads about patients for a page or the API."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch, Q, QuerySet

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from patients import contact
from patients.contact import Contact
from patients.merging import records
from patients.models import Consent, Lesion, Patient, PatientChange, Purpose

DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")


@dataclass(frozen=True)
class Record:
    """A patient's page: identity, contact, consents by purpose (newest first), lesions, edits."""

    patient: Patient
    contact: Contact
    consents: dict[str, Consent]
    lesions: list[Lesion]
    changes: list[PatientChange]

    @property
    def may_photograph(self) -> bool:
        """Consent to care comes before the first image."""
        consent = self.consents.get(Purpose.CARE)
        return consent is not None and consent.granted


def search(*, actor: Actor, q: str, limit: int = 50) -> list[Patient]:
    """Patients who fit every word of `q`: a part of a name or MRN, or a birth date.

    Whoever has all of `q` as national identifier comes first. What fits a record that was merged
    finds the one that stands for it; each has its `former_mrns`. Writes an event with the ids
    shown; what was typed is not kept.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "view", Patient)
        ids = contact.identified(actor.clinic_id, q)
        known = list(policies.visible(actor, Patient.objects.filter(pk__in=ids))) if ids else []
        fitting = [*known, *_matching(actor, q).exclude(pk__in=ids)[: limit - len(known)]]
        found = records.standing(fitting)
        records.with_former_numbers(found)
        fields = [*kinds(q), *(["identifier"] if known else [])]
        audit.searched_patients(actor, shown=[patient.pk for patient in found], fields=fields)
    return found


def _matching(actor: Actor, q: str) -> QuerySet[Patient]:
    return fitting(policies.visible(actor, Patient.objects.all()), q)


def fitting(patients: QuerySet[Patient], q: str) -> QuerySet[Patient]:
    """Those of the patients who fit every word of `q`, in the order of their names."""
    for word in q.split():
        born = parse_date(word)
        condition = Q(birth_date=born) if born else Q(search_text__contains=word.lower())
        patients = patients.filter(condition)
    return patients.order_by("family_name", "given_name", "id")


def kinds(q: str) -> list[str]:
    """What was searched by, for the audit, which never keeps the words themselves."""
    words = q.split()
    dates = [word for word in words if parse_date(word)]
    used = {"birth_date": bool(dates), "text": len(words) > len(dates)}
    return [name for name, is_used in used.items() if is_used]


def parse_date(text: str) -> date | None:
    """A date as people type it: 1970-12-31, 31.12.1970 or 31/12/1970; None for anything else."""
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None


def similar(*, actor: Actor, family_name: str, birth_date: date | None) -> list[Patient]:
    """Records that may be the same person: same family name and birth date."""
    if not family_name or birth_date is None:
        return []
    with clinic_context(actor.clinic_id):
        patients = policies.visible(actor, Patient.objects.all())
        found = records.standing(
            patients.filter(family_name__iexact=family_name.strip(), birth_date=birth_date)[:5]
        )
        audit.searched_patients(
            actor, shown=[p.pk for p in found], fields=["family_name", "birth_date"]
        )
    return found


def record(*, actor: Actor, patient_id: uuid.UUID) -> Record:
    """One patient's record; a look that is written down."""
    with clinic_context(actor.clinic_id):
        patient = policies.find(
            actor,
            "view",
            Patient.objects.prefetch_related(
                "lesions",
                Prefetch(
                    "consents",
                    Consent.objects.order_by("recorded_at").select_related("recorded_by"),
                ),
                Prefetch(
                    "changes",
                    PatientChange.objects.order_by("-version").select_related("changed_by"),
                ),
            ),
            pk=patient_id,
        )
        audit.viewed_patient(actor, patient)
        for change in patient.changes.all():
            contact.reveal(change)
        return Record(
            patient=patient,
            contact=contact.of(patient),
            consents={consent.purpose: consent for consent in patient.consents.all()},
            lesions=list(patient.lesions.all()),
            changes=list(patient.changes.all()),
        )
