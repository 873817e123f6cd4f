"""People who open the record of somebody called like them: their own, a relative's, a namesake's.

Members have a full name only, so names are compared as written, in lower case: the end of the full
name against the family name, what stands before it against the given names. A title in front does
not count. A different spelling, a maiden name or a birth date is not seen.
"""

import uuid
from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Trim, TruncDate
from django.utils.translation import gettext as _

from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import current_clinic
from dermaclinic.audit.disclosure import zone
from dermaclinic.audit.models import Event
from dermaclinic.audit.unusual import MOST, Flag, counted, day_begins, opened
from patients.models import Patient

MOST_NAMESAKES = 5000  # patients who share a family name with a member


def splits(full_name: str) -> list[tuple[str, str]]:
    """All ways to read a name as (given names, family name), in lower case.

    "Ana van Berg" may end with "berg" or "van berg"; "Berg, Ana" says itself which is which.
    """
    family, comma, given = full_name.lower().partition(",")
    if comma:
        return [(" ".join(given.split()), " ".join(family.split()))]
    words = full_name.lower().split()
    return [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]


def is_own(given_of_member: str, given_of_patient: str) -> bool:
    """Do given names fit, whatever title stands before the member's?"""
    return f" {given_of_member}".endswith(f" {given_of_patient}") and bool(given_of_patient)


def rule(found: QuerySet[Event]) -> Iterator[Flag]:
    """Flags of own records and of shared family names, a day, person and patient each."""
    kinds = _pairs()
    condition = Q(pk__in=[])
    people: dict[uuid.UUID, list[uuid.UUID]] = {}
    for person, patient in kinds:
        people.setdefault(person, []).append(patient)
    for person, patients in people.items():
        condition |= Q(actor_id=person, patient_id__in=patients)
    named_alike = opened(found).filter(condition).annotate(day=TruncDate("at", tzinfo=zone()))
    rows = counted(named_alike, "patient_id", "day").order_by("-day", "-last")
    for row in rows[: MOST + 1]:
        kind = kinds[row["actor_id"], row["patient_id"]]
        yield Flag(
            kind=kind,
            person=row["actor_id"],
            name=row["actor__full_name"],
            patient_id=row["patient_id"],
            begins=day_begins(row["day"]),
            first=row["first"],
            last=row["last"],
            accesses=row["accesses"],
            patients=row["patients"],
            reason=_reason(kind),
        )


def _reason(kind: str) -> str:
    if kind == "own-record":
        return _("The patient is called like the person: their own record, or a namesake's.")
    return _("The patient and the person have the same family name: a relative, perhaps.")


def _pairs() -> dict[tuple[uuid.UUID, uuid.UUID], str]:
    """Which kind of flag it is when a member opens a patient's record, for those it is one for."""
    clinic_id = current_clinic()
    assert clinic_id is not None, "call it in the clinic's context"
    members = Membership.objects.filter(clinic_id=clinic_id).select_related("user")
    names = {each.user_id: splits(each.user.full_name) for each in members}
    families = {family for split in names.values() for _given, family in split}
    patients = (
        Patient.objects.annotate(family=Lower(Trim("family_name")), given=Lower(Trim("given_name")))
        .filter(family__in=families)
        .values_list("pk", "family", "given")[:MOST_NAMESAKES]
    )
    by_family: dict[str, list[tuple[uuid.UUID, str]]] = {}
    for pk, family, given in patients:
        by_family.setdefault(family, []).append((pk, given))
    return {
        (person, pk): "own-record" if is_own(given_of_member, given) else "same-name"
        for person, split in names.items()
        for given_of_member, family in split
        for pk, given in by_family.get(family, [])
    }
