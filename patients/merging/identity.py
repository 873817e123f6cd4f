"""Who the one person is: chosen field by field from two records, and given back by an undo."""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from dermaclinic.errors import Conflict
from patients import contact, sealed
from patients.contact import Contact
from patients.models import Merge, Patient, PatientContact

PLAIN = ("mrn", "family_name", "given_name", "birth_date", "sex")
# The kind of a national identifier goes with its number.
CHOICES = (*PLAIN, "phone", "email", "address", "identifier")
SIDES = ("survivor", "closed")
Values = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A record's identity and contact data as text, by field; with it, when it last changed."""

    plain: Values
    contact: Contact

    @property
    def values(self) -> Values:
        return self.plain | asdict(self.contact)


def of(patient: Patient) -> Person:
    """What is stored. Raises VaultError when the keys are not those of the record."""
    plain = {name: str(getattr(patient, name)) for name in PLAIN}
    return Person(plain, contact.of(patient))


def differing(survivor: Person, other: Person) -> list[str]:
    """The fields in which two records are not the same."""
    mine, theirs = survivor.values, other.values
    return [
        name
        for name in CHOICES
        if mine[name] != theirs[name]
        or (name == "identifier" and mine["identifier_system"] != theirs["identifier_system"])
    ]


def fields(choice: str) -> tuple[str, ...]:
    """The columns of a choice."""
    return ("identifier_system", "identifier") if choice == "identifier" else (choice,)


def combined(survivor: Person, other: Person, taken: Collection[str]) -> tuple[Person, Person]:
    """Both records after a merge in which the survivor takes some values from the other.

    A number that may be held once in a clinic changes places: the closed record keeps the MRN that
    the survivor gives up, so that it is still found; an identifier leaves it.
    """
    mine, theirs = survivor.values, other.values
    for choice in taken:
        for name in fields(choice):
            mine[name] = other.values[name]
    if "mrn" in taken:
        theirs["mrn"] = survivor.plain["mrn"]
    if mine["identifier"] and "identifier" in taken:
        theirs["identifier"] = theirs["identifier_system"] = ""
    return _person(mine), _person(theirs)


def _person(values: Values) -> Person:
    return Person(
        {name: values[name] for name in PLAIN},
        Contact(**{name: values[name] for name in contact.FIELDS}),
    )


def write(patient: Patient, was: Person, becomes: Person, *, at: datetime) -> list[str]:
    """Store what differs; the names of the fields. A record that changes gets its next version.

    Its numbers were parked before. Versions never run backwards: a form that was opened under one
    is not taken for the record as it is under another.
    """
    changed = [name for name in PLAIN if was.plain[name] != becomes.plain[name]]
    also = [name for name in contact.FIELDS if was.values[name] != becomes.values[name]]
    if changed or also:
        Patient.objects.filter(pk=patient.pk).update(
            **{name: becomes.plain[name] for name in changed},
            version=F("version") + 1,
            updated_at=at,
        )
    if also:
        contact.store(patient, becomes.contact)
    return [*changed, *also]


def park_numbers(patient: Patient, was: Person, becomes: Person) -> None:
    """Give up the numbers that a record may hold alone, before the other record gets them.

    `write` both records in the same transaction.
    """
    if was.plain["mrn"] != becomes.plain["mrn"]:
        Patient.objects.filter(pk=patient.pk).update(mrn=f"merging {uuid.uuid4().hex[:30]}")
    if was.contact.identifier and was.contact != becomes.contact:
        PatientContact.objects.filter(patient=patient).update(
            identifier_system="", identifier_index=None, identifier=b""
        )


def taken_by_others(person: Person, patients: Collection[uuid.UUID]) -> None:
    """Conflict when another record of the clinic has got this person's number meanwhile."""
    others = Patient.objects.exclude(pk__in=patients)
    if others.filter(mrn=person.plain["mrn"]).exists():
        raise Conflict(
            _(
                "Another patient has been given the record number that this record had before. "
                "Change that one first."
            )
        )


def keep(merge_id: uuid.UUID, before: Mapping[str, Person], after: Mapping[str, Person]) -> bytes:
    """The sealed part of a merge: the contact data of both records, before and after."""
    text = json.dumps(
        {
            when: {side: asdict(person.contact) for side, person in people.items()}
            for when, people in (("before", before), ("after", after))
        }
    )
    return sealed.seal(Merge(pk=merge_id), "sealed", text)


def kept(merge: Merge) -> tuple[dict[str, Person], dict[str, Person]]:
    """Both people before and after a merge, by side. Raises VaultError."""
    opened = json.loads(sealed.open_(merge, "sealed"))
    before = {
        side: Person(_plain(merge.identity[side]), Contact(**opened["before"][side]))
        for side in SIDES
    }
    after = {
        side: Person(_plain(merge.result[side]), Contact(**opened["after"][side])) for side in SIDES
    }
    return before, after


def _plain(stored: Mapping[str, Any]) -> Values:
    return {name: stored[name] for name in PLAIN}


def restored(before: Person, after: Person, now: Person) -> Person:
    """Who somebody is once a merge is undone: as before it, but for what was edited since."""
    values = now.values
    for choice in CHOICES:
        names = fields(choice)
        if all(now.values[name] == after.values[name] for name in names):
            values |= {name: before.values[name] for name in names}
    return _person(values)
