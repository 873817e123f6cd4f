"""Find, register, edit, consents, lesions: by the pages."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.audit.models import Event
from patients.models import Consent, Lesion, Patient, PatientChange
from tests import factories

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]

MAJA = {
    "family_name": "Lindqvist",
    "given_name": "Maja",
    "birth_date": "1961-03-14",
    "sex": "female",
    "mrn": "N-1",
}


@pytest.fixture
def patient(technician: Any) -> Patient:
    made: Patient = factories.patient(
        technician, consent=False, **MAJA | {"birth_date": date(1961, 3, 14)}
    )
    return made


@pytest.mark.parametrize("q", ["lindq", "LINDQVIST maja", "N-1", "14.03.1961", "maja 1961-03-14"])
def test_found_by_name_number_and_birth_date(at_desk: Client, patient: Patient, q: str) -> None:
    response = at_desk.post(reverse("patients:find"), {"q": q})
    assert response.context["found"] == [patient]
    assert reverse("patients:detail", args=[patient.pk]) in response.content.decode()


def test_htmx_gets_the_rows_alone(at_desk: Client, patient: Patient) -> None:
    response = at_desk.post(reverse("patients:find"), {"q": "lind"}, headers={"HX-Request": "true"})
    assert b"Lindqvist" in response.content
    assert b"<html" not in response.content


def test_a_search_is_on_record_without_what_was_typed(
    at_desk: Client, patient: Patient, rows: Rows
) -> None:
    at_desk.post(reverse("patients:find"), {"q": "lindqv"})
    (event,) = rows(Event, action="patient.searched")
    assert event.detail == {"shown": [str(patient.pk)], "fields": ["text"]}


@pytest.mark.parametrize("q", ["", "l", "nobody-of-that-name"])
def test_too_little_or_nobody_shows_nobody(at_desk: Client, patient: Patient, q: str) -> None:
    response = at_desk.post(reverse("patients:find"), {"q": q})
    assert not response.context["found"]
    assert b"Lindqvist" not in response.content


def test_another_clinic_finds_and_opens_nobody(strangers: Client, patient: Patient) -> None:
    assert strangers.post(reverse("patients:find"), {"q": "lindq"}).context["found"] == []
    for name in ("detail", "change"):
        address = reverse(f"patients:{name}", args=[patient.pk])
        assert strangers.get(address).status_code == 404
    consents = reverse("patients:consents", args=[patient.pk])
    assert strangers.post(consents, {"care": "yes"}).status_code == 404


def test_an_administrator_sees_no_patients(administrators: Client, patient: Patient) -> None:
    for name, args in (("find", []), ("register", []), ("detail", [patient.pk])):
        assert administrators.get(reverse(f"patients:{name}", args=args)).status_code == 403


def test_registering_leads_to_the_record_where_consent_comes_first(
    at_desk: Client, rows: Rows
) -> None:
    response = at_desk.post(reverse("patients:register"), MAJA, follow=True)
    (patient,) = rows(Patient)
    assert response.redirect_chain[-1][0] == reverse("patients:detail", args=[patient.pk])
    assert (patient.mrn, patient.birth_date) == ("N-1", date(1961, 3, 14))
    assert b"No consent to photographs yet" in response.content


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("family_name", "", "required"),
        ("birth_date", "2961-03-14", "lies in the future"),
        ("birth_date", "31/31/1900", "valid date"),
        ("sex", "robot", "valid choice"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    at_desk: Client, rows: Rows, field: str, value: str, sentence: str
) -> None:
    response = at_desk.post(reverse("patients:register"), MAJA | {field: value})
    assert response.status_code == 400
    assert sentence in str(response.context["form"].errors[field])
    assert f'id="id_{field}-error"' in response.content.decode()
    assert 'aria-invalid="true"' in response.content.decode()
    assert not rows(Patient)


def test_a_taken_number_is_refused_beside_the_field(
    at_desk: Client, patient: Patient, rows: Rows
) -> None:
    response = at_desk.post(reverse("patients:register"), MAJA | {"family_name": "Other"})
    assert "Another patient" in str(response.context["form"].errors["mrn"])
    assert len(rows(Patient)) == 1


def test_a_likely_double_is_shown_while_registering(at_desk: Client, patient: Patient) -> None:
    same = {"family_name": "lindqvist", "birth_date": "1961-03-14"}
    shown = at_desk.post(reverse("patients:similar"), same)
    other = at_desk.post(reverse("patients:similar"), same | {"birth_date": "1961-03-15"})
    broken = at_desk.post(reverse("patients:similar"), same | {"family_name": "Lind\0qvist"})
    assert reverse("patients:detail", args=[patient.pk]) in shown.content.decode()
    assert b"Lindqvist" not in other.content
    assert broken.status_code == 200
    assert b"Lindqvist" not in broken.content


def test_a_message_travels_in_no_cookie(at_desk: Client) -> None:
    response = at_desk.post(reverse("patients:register"), MAJA)
    assert "messages" not in response.cookies
    assert b"The patient is registered." in at_desk.get(response.url).content


def test_an_edit_keeps_what_was_before(at_desk: Client, patient: Patient, rows: Rows) -> None:
    address = reverse("patients:change", args=[patient.pk])
    response = at_desk.post(address, MAJA | {"given_name": "Maja Kristina", "version": 1})
    assert response.url == reverse("patients:detail", args=[patient.pk])
    (change,) = rows(PatientChange)
    assert change.before == {"given_name": "Maja"}
    page = at_desk.get(address).content.decode()
    assert "<del>Maja</del>" in page
    assert "<ins>Maja Kristina</ins>" in page


def test_an_edit_over_somebody_elses_is_refused(
    at_desk: Client, patient: Patient, rows: Rows
) -> None:
    address = reverse("patients:change", args=[patient.pk])
    at_desk.post(address, MAJA | {"given_name": "First", "version": 1})
    response = at_desk.post(address, MAJA | {"given_name": "Second", "version": 1})
    assert response.status_code == 400
    assert b"Somebody else changed this record" in response.content
    assert rows(Patient)[0].given_name == "First"


def test_consents_are_recorded_one_by_one(at_desk: Client, patient: Patient, rows: Rows) -> None:
    address = reverse("patients:consents", args=[patient.pk])
    at_desk.post(address, {"care": "yes", "ai_opinion": "no"})
    given = {each.purpose: each.granted for each in rows(Consent)}
    assert given == {"care": True, "ai_opinion": False}
    page = at_desk.get(reverse("patients:detail", args=[patient.pk]))
    assert b"No consent to photographs yet" not in page.content

    at_desk.post(address, {"care": "yes", "ai_opinion": "no"})
    assert len(rows(Consent)) == 2


def test_a_consent_is_yes_or_no(at_desk: Client, patient: Patient, rows: Rows) -> None:
    address = reverse("patients:consents", args=[patient.pk])
    assert at_desk.post(address, {"care": "perhaps"}).status_code == 400
    assert not rows(Consent)


def test_a_lesion_on_a_paired_site_needs_its_side(
    at_desk: Client, patient: Patient, rows: Rows
) -> None:
    address = reverse("patients:add-lesion", args=[patient.pk])
    response = at_desk.post(address, {"body_site": "foot", "laterality": "", "note": ""})
    assert response.status_code == 400
    assert "left or right" in str(response.context["lesion_form"].errors["laterality"])
    assert not rows(Lesion)

    at_desk.post(address, {"body_site": "foot", "laterality": "left", "note": "third toe"})
    (lesion,) = rows(Lesion)
    assert (lesion.number, lesion.site) == (1, "Foot, left")


def test_a_lesion_is_corrected(
    at_desk: Client, technician: Any, patient: Patient, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient)
    address = reverse("patients:change-lesion", args=[patient.pk, lesion.pk])
    assert b"Correct lesion 1" in at_desk.get(address).content
    at_desk.post(address, {"body_site": "chest", "laterality": "", "note": "moved"})
    assert [(each.body_site, each.note) for each in rows(Lesion)] == [("chest", "moved")]


def test_opening_a_record_is_on_record(at_desk: Client, patient: Patient, rows: Rows) -> None:
    at_desk.get(reverse("patients:detail", args=[patient.pk]))
    (event,) = rows(Event, action="patient.viewed")
    assert event.patient_id == patient.pk
