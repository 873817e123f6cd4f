"""Contact data and national identifiers: sealed columns, found only by the whole number."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection

from dermaclinic.accounts.tenancy import NoClinicContext, clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Invalid
from dermaclinic.sealing.keyring import VaultCorrupt
from patients import contact, sealed, selectors, services
from patients.contact import Contact
from patients.identifiers import SYSTEMS, normalised
from patients.models import Patient, PatientChange, PatientContact
from tests import factories
from tests.database import acting_as

REACHED = {
    "phone": "+44 20 7946 0018",
    "email": "erika@post.example",
    "address": "Example Lane 5\nSampletown",
    "identifier_system": "nhs",
    "identifier": "943 476 5919",
}
SECRETS = ["7946", "erika@post", "Example Lane", "943", "9434765919"]


def stored(actor: Any, sql: str) -> str:
    """What a table holds, as its owner sees it, bytes as Latin-1 text."""
    with (
        clinic_context(actor.clinic_id),
        acting_as("owner"),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
        return " ".join(
            bytes(value).decode("latin-1") if isinstance(value, memoryview) else str(value)
            for row in cursor.fetchall()
            for value in row
        )


def test_what_is_given_comes_back_and_is_sealed_in_the_table(technician: Any) -> None:
    patient = factories.patient(technician, **REACHED)
    record = selectors.record(actor=technician, patient_id=patient.pk)
    assert record.contact == Contact(**REACHED)
    text = stored(technician, "SELECT * FROM patients_patientcontact")
    assert "nhs" in text and "DCVAULT" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_nothing_given_is_nothing_stored(technician: Any) -> None:
    patient = factories.patient(technician)
    assert selectors.record(actor=technician, patient_id=patient.pk).contact == Contact()
    with clinic_context(technician.clinic_id):
        assert not PatientContact.objects.exists()


def test_an_edit_keeps_the_former_values_sealed(technician: Any) -> None:
    patient = factories.patient(technician, **REACHED)
    services.change_patient(
        actor=technician, patient_id=patient.pk, version=1, email="new@post.example",
        given_name="Anna",
    )  # fmt: skip
    record = selectors.record(actor=technician, patient_id=patient.pk)
    assert record.contact == Contact(**REACHED | {"email": "new@post.example"})
    (change,) = record.changes
    assert change.before == {"given_name": patient.given_name, "email": "erika@post.example"}
    assert change.after == {"given_name": "Anna", "email": "new@post.example"}
    text = stored(technician, "SELECT * FROM patients_patientchange")
    assert "Anna" in text and "post.example" not in text
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.changed")
    assert event.detail == {"fields": ["given_name", "email"]}


def test_an_edit_that_changes_nothing_stores_nothing(technician: Any) -> None:
    patient = factories.patient(technician, **REACHED)
    same = REACHED | {"phone": "  +44 20 7946 0018 "}
    services.change_patient(actor=technician, patient_id=patient.pk, version=1, **same)
    with clinic_context(technician.clinic_id):
        assert Patient.objects.get().version == 1
        assert not PatientChange.objects.exists()


def test_without_an_identifier_its_kind_says_nothing(technician: Any) -> None:
    patient = factories.patient(technician, **REACHED)
    services.change_patient(actor=technician, patient_id=patient.pk, version=1, identifier="")
    found = selectors.record(actor=technician, patient_id=patient.pk).contact
    assert found == Contact(**REACHED | {"identifier": "", "identifier_system": ""})
    assert selectors.search(actor=technician, q="9434765919") == []


@pytest.mark.parametrize("q", ["943 476 5919", "9434765919", " 943-476-5919 ", "943.476.5919"])
def test_the_whole_number_finds_exactly_one(technician: Any, q: str) -> None:
    patient = factories.patient(technician, **REACHED)
    factories.patient(technician, identifier_system="nhs", identifier="987 654 4403")
    assert selectors.search(actor=technician, q=q) == [patient]
    with clinic_context(technician.clinic_id):
        event = Event.objects.get(action="patient.searched")
    assert "identifier" in event.detail["fields"]
    assert "943" not in str(event.detail)


@pytest.mark.parametrize("q", ["943476591", "4765919", "943", "9434765918", "erika@post.example"])
def test_parts_and_other_contact_data_find_nobody(technician: Any, q: str) -> None:
    factories.patient(technician, **REACHED)
    assert selectors.search(actor=technician, q=q) == []


def test_a_name_and_a_number_find_each_person_once(technician: Any) -> None:
    """A record number may look like somebody's identifier."""
    one = factories.patient(technician, **REACHED)
    two = factories.patient(technician, mrn="9434765919")
    assert selectors.search(actor=technician, q="9434765919") == [one, two]
    three = factories.patient(technician, mrn="X-9876544403", identifier_system="nhs",
                              identifier="9876544403")  # fmt: skip
    assert selectors.search(actor=technician, q="9876544403") == [three]


def test_another_clinic_neither_finds_it_nor_shares_its_index(
    technician: Any, stranger: Any
) -> None:
    factories.patient(technician, **REACHED)
    assert selectors.search(actor=stranger, q="9434765919") == []
    factories.patient(stranger, **REACHED)  # there it is free
    indexes = "SELECT count(DISTINCT identifier_index) FROM patients_patientcontact"
    assert stored(technician, indexes) == "2"


def test_two_patients_of_a_clinic_cannot_share_an_identifier(technician: Any) -> None:
    factories.patient(technician, **REACHED)
    with pytest.raises(Conflict) as refused:
        factories.patient(technician, identifier_system="nhs", identifier="9434765919")
    assert "identifier" in refused.value.errors
    other = factories.patient(technician)
    with pytest.raises(Conflict):
        services.change_patient(
            actor=technician, patient_id=other.pk, version=1, identifier_system="nhs",
            identifier="943-476-5919", family_name="Other",
        )  # fmt: skip
    with clinic_context(technician.clinic_id):
        assert Patient.objects.count() == 2, "the refused registration left nothing"
        assert not Patient.objects.filter(family_name="Other").exists()
        assert PatientContact.objects.count() == 1
        assert not PatientChange.objects.exists()
    factories.patient(technician, identifier_system="other", identifier="9434765919")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"phone": "call me"}, "phone"),
        ({"phone": "1" * 41}, "phone"),
        ({"email": "not an address"}, "email"),
        ({"address": "x" * 501}, "address"),
        ({"address": "a\x00b"}, "address"),
        ({"identifier": "9434765919"}, "identifier_system"),
        ({"identifier": "9434765919", "identifier_system": "passport"}, "identifier_system"),
        ({"identifier": "9434765918", "identifier_system": "nhs"}, "identifier"),
        ({"identifier": "12", "identifier_system": "other"}, "identifier"),
    ],
)
def test_what_cannot_be_is_refused_whole(technician: Any, given: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        factories.patient(technician, **given)
    assert set(refused.value.errors) == {field}
    with clinic_context(technician.clinic_id):
        assert not Patient.objects.exists()


@pytest.mark.parametrize(
    ("system", "good", "bad"),
    [
        ("nhs", "943 476 5919", "943 476 5918"),
        ("ahv", "756.9217.0769.85", "756.9217.0769.84"),
        ("bsn", "111222333", "111222334"),
        ("kvnr", "A123456780", "1234567801"),
        ("hetu", "131052-308T", "131052-30"),
        ("personnummer", "19811218-9876", "8112189"),
        ("ssn", "078-05-1120", "078-05-112"),
    ],
)
def test_numbers_of_each_kind(system: str, good: str, bad: str) -> None:
    assert SYSTEMS[system].fits(normalised(good))
    assert not SYSTEMS[system].fits(normalised(bad))


def test_a_value_opens_only_in_its_own_row_and_column(technician: Any) -> None:
    factories.patient(technician, **REACHED)
    factories.patient(technician, phone="+44 20 7946 0099")
    with clinic_context(technician.clinic_id):
        one, two = PatientContact.objects.order_by("identifier_system")
        one, two = two, one
        two.phone, two.email = one.phone, one.phone
        for column in ("phone", "email"):
            with pytest.raises(VaultCorrupt):
                sealed.open_(two, column)
        assert sealed.open_(one, "phone") == REACHED["phone"]


def test_equal_values_look_different(technician: Any) -> None:
    for _ in range(2):
        factories.patient(technician, phone="+44 20 7946 0018")
    with clinic_context(technician.clinic_id):
        one, two = (bytes(row.phone) for row in PatientContact.objects.all())
    assert one[-30:] != two[-30:]


def test_the_wall_stands_around_it(technician: Any, stranger: Any) -> None:
    factories.patient(technician, **REACHED)
    other = factories.patient(technician)
    with clinic_context(stranger.clinic_id):
        assert not PatientContact.objects.exists()
    with (
        pytest.raises(IntegrityError, match="same_clinic_id"),
        clinic_context(stranger.clinic_id),
    ):
        PatientContact.objects.create(clinic_id=stranger.clinic_id, patient=other)
    with pytest.raises(NoClinicContext):
        PatientContact.objects.exists()
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        clinic_context(technician.clinic_id),
        acting_as("worker"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT phone FROM patients_patientcontact")


def test_the_sealed_history_may_be_rewrapped_and_nothing_else(technician: Any) -> None:
    patient = factories.patient(technician, **REACHED)
    services.change_patient(actor=technician, patient_id=patient.pk, version=1, phone="112 000")
    with clinic_context(technician.clinic_id):
        change = PatientChange.objects.get()
        whole = bytes(change.sealed)
    for bad in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b"x" * len(whole)):
        with (
            pytest.raises(DatabaseError, match="never changed"),
            clinic_context(technician.clinic_id),
        ):
            PatientChange.objects.update(sealed=bad)
    with pytest.raises(DatabaseError), clinic_context(technician.clinic_id):
        PatientChange.objects.update(version=7)
    with clinic_context(technician.clinic_id):
        start = 9 + whole[8]
        wrapped = whole[:start] + bytes(60) + whole[start + 60 :]
        assert PatientChange.objects.update(sealed=wrapped) == 1


def test_only_a_known_kind_has_an_index(technician: Any) -> None:
    patient = factories.patient(technician)
    fields = {"clinic_id": technician.clinic_id, "patient": patient}
    for system, index in (("nhs", None), ("", b"i" * 32), ("passport", b"i" * 32)):
        with (
            pytest.raises(IntegrityError, match="identifier_has_a_system_and_an_index"),
            clinic_context(technician.clinic_id),
        ):
            PatientContact.objects.create(
                identifier_system=system, identifier_index=index, **fields
            )
    assert tuple(contact.LENGTHS) == contact.FIELDS
