"""How to reach a patient, and the national identifier: sealed columns beside the plain identity.

Nothing here can be searched but the identifier, exactly, by its blind index.
"""

import json
import re
import uuid
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from dermaclinic.errors import Conflict, Invalid
from dermaclinic.sealing.installed import keyring
from patients import sealed
from patients.identifiers import SYSTEMS, normalised
from patients.models import Patient, PatientChange, PatientContact

_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,39}")
_COLUMN = "patients_patientcontact.identifier"
LENGTHS = {"phone": 40, "email": 254, "address": 500, "identifier_system": 20, "identifier": 40}
SHORTEST = 4  # characters of an identifier that is looked for


@dataclass(frozen=True)
class Contact:
    """What is known; "" for what is not. `identifier_system` is a key of identifiers.SYSTEMS."""

    phone: str = ""
    email: str = ""
    address: str = ""
    identifier_system: str = ""
    identifier: str = ""


FIELDS = tuple(each.name for each in fields(Contact))


def of(patient: Patient) -> Contact:
    """What is stored, opened. Raises VaultError when the keys are not those of the record."""
    row = PatientContact.objects.filter(patient=patient).first()
    if row is None:
        return Contact()
    opened = {column: sealed.open_(row, column) for column in sealed.COLUMNS[PatientContact]}
    return Contact(identifier_system=row.identifier_system, **opened)


def changed(contact: Contact, given: dict[str, Any]) -> Contact:
    """The contact with the given fields in place of its own, checked. Raises Invalid."""
    new = {name: str(given[name] or "").strip() for name in FIELDS if name in given}
    made = replace(contact, **new)
    if not made.identifier:
        made = replace(made, identifier_system="")
    if made != contact:
        _check(made)
    return made


def _check(contact: Contact) -> None:
    wrong: dict[str, StrOrPromise] = {}
    for name, value in asdict(contact).items():
        if len(value) > LENGTHS[name]:
            wrong[name] = _("This is too long.")
        elif "\x00" in value:
            wrong[name] = _("This holds a character that cannot be stored.")
    if contact.phone and not _PHONE.fullmatch(contact.phone):
        wrong.setdefault("phone", _("This is no phone number: digits, spaces and + are expected."))
    if contact.email:
        try:
            validate_email(contact.email)
        except ValidationError:
            wrong.setdefault("email", _("This is no e-mail address."))
    if contact.identifier:
        system = SYSTEMS.get(contact.identifier_system)
        if system is None:
            wrong.setdefault("identifier_system", _("Choose what kind of identifier this is."))
        elif not system.fits(normalised(contact.identifier)):
            wrong.setdefault("identifier", _("Please check the number: it cannot be one of these."))
    if wrong:
        raise Invalid(
            _("Some fields need your attention."),
            errors={name: [sentence] for name, sentence in wrong.items()},
        )


def store(patient: Patient, contact: Contact) -> None:
    """Write it; inside the clinic's context. Conflict when another patient has the identifier."""
    row = PatientContact.objects.filter(patient=patient).first()
    row = row or PatientContact(clinic_id=patient.clinic_id, patient=patient)
    for column in sealed.COLUMNS[PatientContact]:
        setattr(row, column, sealed.seal(row, column, getattr(contact, column)))
    row.identifier_system = contact.identifier_system
    row.identifier_index = None
    if contact.identifier:
        row.identifier_index = _index(
            patient.clinic_id, contact.identifier_system, contact.identifier
        )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "national_identifier_is_unique_in_a_clinic" not in str(error):
            raise
        sentence = _("Another patient of this clinic has this national identifier.")
        raise Conflict(sentence, errors={"identifier": [sentence]}) from error


def _index(clinic_id: uuid.UUID, system: str, number: str) -> bytes:
    return keyring().blind_index(clinic_id, _COLUMN, f"{system}\0{normalised(number)}")


def identified(clinic_id: uuid.UUID, number: str) -> list[uuid.UUID]:
    """Ids of the patients with this national identifier, of whatever system the clinic uses.

    Call it inside the clinic's context. At most one for each system.
    """
    wanted = normalised(number)
    if len(wanted) < SHORTEST or not any(character.isdigit() for character in wanted):
        return []
    used = PatientContact.objects.exclude(identifier_system="").order_by("identifier_system")
    systems = used.values_list("identifier_system", flat=True).distinct()
    indexes = [_index(clinic_id, system, wanted) for system in systems]
    rows = PatientContact.objects.filter(clinic_id=clinic_id, identifier_index__in=indexes)
    return list(rows.values_list("patient_id", flat=True))


def keep_history(change: PatientChange, before: Contact, after: Contact) -> list[str]:
    """Seal what changed into the change, which is not stored yet; the names of the fields."""
    names = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    if names:
        both = [{name: getattr(contact, name) for name in names} for contact in (before, after)]
        text = json.dumps({"before": both[0], "after": both[1]})
        change.sealed = sealed.seal(change, "sealed", text)
    return names


def reveal(change: PatientChange) -> None:
    """Put what is sealed in a change beside its plain values, to be shown; store nothing."""
    if text := sealed.open_(change, "sealed"):
        opened = json.loads(text)
        change.before |= opened["before"]
        change.after |= opened["after"]
