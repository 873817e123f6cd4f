"""Makes people, patients and visits for tests, through the product's own services."""

import itertools
from datetime import date
from typing import Any

from dermaclinic.accounts.actor import Actor, member_actor
from dermaclinic.accounts.models import Clinic, Membership, User
from dermaclinic.accounts.services import create_clinic, create_member
from tests.database import acting_as

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def clinic(name: str) -> Clinic:
    """A clinic, made by the owner as in production."""
    with acting_as("owner"):
        return create_clinic(name=name)


def membership(clinic: Clinic, role: str, *, full_name: str = "") -> Membership:
    """A person in a role, whose password is PASSWORD."""
    number = next(_numbers)
    with acting_as("owner"):
        return create_member(
            clinic=clinic,
            email=f"{role}{number}@clinic.example",
            full_name=full_name or f"Test {role.title()} {number}",
            password=PASSWORD,
            role=role,
        )


def actor(clinic: Clinic, role: str) -> Actor:
    """A member at work, calling from 192.0.2.1."""
    return member_actor(membership(clinic, role), address="192.0.2.1")


def user(actor: Actor) -> User:
    """The person behind an actor."""
    assert actor.user is not None
    return actor.user


def patient(actor: Actor, *, consent: bool = True, **changes: Any) -> Any:
    """A registered patient, by default with consent to everything."""
    from patients import services
    from patients.models import Purpose

    number = next(_numbers)
    fields = {
        "mrn": f"T-{number:05}",
        "family_name": "Testperson",
        "given_name": f"Number {number}",
        "birth_date": date(1970, 1, 1),
        "sex": "female",
    } | changes
    made = services.register_patient(actor=actor, **fields)
    if consent:
        services.record_consents(
            actor=actor,
            patient_id=made.pk,
            decisions=dict.fromkeys(Purpose.values, True),
        )
    return made


def lesion(actor: Actor, patient: Any, **changes: Any) -> Any:
    """A lesion on the back, or wherever the changes say."""
    from patients import services

    fields = {"body_site": "back"} | changes
    return services.add_lesion(actor=actor, patient_id=patient.pk, **fields)


def study(actor: Actor, patient: Any, **changes: Any) -> Any:
    """A visit of today."""
    from imaging import services

    return services.start_study(actor=actor, patient_id=patient.pk, **changes)
