"""Registering and reading patients."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from patients.models import Patient
from tests import factories
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

PATIENTS = f"{V1}/patients/"
BODY = {
    "mrn": "A-1", "family_name": "Muster", "given_name": "Eva", "birth_date": "1980-02-29",
    "sex": "female",
}  # fmt: skip


CONTACT = {
    "phone": "+44 20 7946 0018", "email": "eva@post.example", "address": "Example Lane 5",
    "identifier_system": "nhs", "identifier": "943 476 5919",
}  # fmt: skip
NOTHING = dict.fromkeys(CONTACT, "")


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_register(role: str, request: Any, clinic: Any) -> None:
    client = request.getfixturevalue(role)
    answer = client.post(PATIENTS, BODY)
    assert answer.status_code == 201
    told = answer.json()
    assert {name: told[name] for name in BODY} == BODY
    assert set(told) == {*BODY, "id", "version", "created_at"}
    read = client.get(f"{PATIENTS}{told['id']}/")
    assert read.status_code == 200
    unasked = dict.fromkeys(["care", "ai_opinion", "comparison", "teaching", "research"])
    assert read.json() == told | {
        "merged_into": None, "contact": NOTHING, "consents": unasked, "lesions": [],
    }  # fmt: skip


def test_contact_data_come_back_with_the_record_alone(as_technician: APIClient) -> None:
    told = as_technician.post(PATIENTS, BODY | CONTACT)
    assert told.status_code == 201
    assert not set(CONTACT) & set(told.json())
    read = as_technician.get(f"{PATIENTS}{told.json()['id']}/").json()
    assert read["contact"] == CONTACT
    found = as_technician.post(f"{PATIENTS}search/", {"q": "9434765919"}).json()["results"]
    assert [each["id"] for each in found] == [told.json()["id"]]
    assert not set(CONTACT) & set(found[0])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nowhere"}, "email"),
        ({"identifier": "9434765918"}, "identifier"),
        ({"identifier_system": ""}, "identifier_system"),
        ({"identifier_system": "passport"}, "identifier_system"),
        ({"address": "x" * 501}, "address"),
    ],
)
def test_contact_data_that_cannot_be(
    as_technician: APIClient, technician: Any, changes: Any, field: str
) -> None:
    assert field in errors(as_technician.post(PATIENTS, BODY | CONTACT | changes), 400)
    assert count(technician, Patient) == 0


def test_a_national_identifier_is_taken_once(as_technician: APIClient, technician: Any) -> None:
    assert as_technician.post(PATIENTS, BODY | CONTACT).status_code == 201
    again = BODY | CONTACT | {"mrn": "A-2", "identifier": "9434765919"}
    assert "identifier" in errors(as_technician.post(PATIENTS, again), 409)
    assert count(technician, Patient) == 1


def test_register_and_read_are_on_record(as_technician: APIClient, technician: Any) -> None:
    told = as_technician.post(PATIENTS, BODY).json()
    as_technician.get(f"{PATIENTS}{told['id']}/")
    assert actions(technician) == ["patient.registered", "patient.viewed"]


def test_an_administrator_may_not(
    as_administrator: APIClient, administrator: Any, technician: Any
) -> None:
    problem(as_administrator.post(PATIENTS, BODY), 403)
    assert count(administrator, Patient) == 0
    patient = factories.patient(technician)
    problem(as_administrator.get(f"{PATIENTS}{patient.pk}/"), 403)
    assert "patient.viewed" not in actions(administrator)


def test_an_mrn_is_taken_once(as_technician: APIClient, technician: Any) -> None:
    assert as_technician.post(PATIENTS, BODY).status_code == 201
    assert "mrn" in errors(as_technician.post(PATIENTS, BODY | {"given_name": "Ada"}), 409)
    assert count(technician, Patient) == 1


def test_clinics_may_share_an_mrn(as_technician: APIClient, as_stranger: APIClient) -> None:
    assert as_technician.post(PATIENTS, BODY).status_code == 201
    assert as_stranger.post(PATIENTS, BODY).status_code == 201


TOMORROW = (timezone.now() + timedelta(days=2)).date().isoformat()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mrn": ""}, "mrn"),
        ({"mrn": "  "}, "mrn"),
        ({"mrn": None}, "mrn"),
        ({"mrn": "x" * 41}, "mrn"),
        ({"mrn": "A\0B"}, "mrn"),
        ({"mrn": ["A"]}, "mrn"),
        ({"mrn": {"a": 1}}, "mrn"),
        ({"mrn": True}, "mrn"),
        ({"family_name": ""}, "family_name"),
        ({"family_name": "x" * 101}, "family_name"),
        ({"given_name": "\0"}, "given_name"),
        ({"birth_date": "29.02.1980"}, "birth_date"),
        ({"birth_date": "1981-02-29"}, "birth_date"),
        ({"birth_date": TOMORROW}, "birth_date"),
        ({"birth_date": "9999-12-31"}, "birth_date"),
        ({"birth_date": "0001-01-01"}, "birth_date"),
        ({"birth_date": "99999-01-01"}, "birth_date"),
        ({"birth_date": 10**30}, "birth_date"),
        ({"birth_date": None}, "birth_date"),
        ({"sex": "f"}, "sex"),
        ({"sex": 1}, "sex"),
        ({"sex": []}, "sex"),
        ({"clinic": str(NOWHERE)}, "clinic"),
        ({"id": str(NOWHERE)}, "id"),
        ({"version": 7}, "version"),
        ({"": 1}, ""),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, changes: dict[str, Any], field: str
) -> None:
    assert field in errors(as_technician.post(PATIENTS, BODY | changes))
    assert count(technician, Patient) == 0
    assert actions(technician) == []


@pytest.mark.parametrize("field", list(BODY))
def test_each_field_is_needed(as_technician: APIClient, technician: Any, field: str) -> None:
    body = {name: value for name, value in BODY.items() if name != field}
    assert list(errors(as_technician.post(PATIENTS, body))) == [field]
    assert count(technician, Patient) == 0


def test_another_clinics_patient_is_not_there(as_stranger: APIClient, technician: Any) -> None:
    patient = factories.patient(technician)
    theirs = problem(as_stranger.get(f"{PATIENTS}{patient.pk}/"), 404)
    nobodys = problem(as_stranger.get(f"{PATIENTS}{NOWHERE}/"), 404)
    assert theirs == nobodys
    assert "patient.viewed" not in actions(technician)


@pytest.mark.parametrize("wrong", ["1", "not-a-uuid", f"{NOWHERE}x", "%00", "..", "%F0%9F%A9%BA"])
def test_an_address_that_is_none(as_technician: APIClient, wrong: str) -> None:
    problem(as_technician.get(f"{PATIENTS}{wrong}/"), 404)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_methods_that_are_not_offered(as_technician: APIClient, method: str) -> None:
    problem(getattr(as_technician, method)(PATIENTS), 405)


def test_a_record_holds_consents_and_lesions(as_doctor: APIClient, doctor: Any) -> None:
    patient = factories.patient(doctor)
    lesion = factories.lesion(doctor, patient, body_site="hand", laterality="left")
    told = as_doctor.get(f"{PATIENTS}{patient.pk}/").json()
    assert set(told["consents"].values()) == {True}
    assert [each["id"] for each in told["lesions"]] == [str(lesion.pk)]


def test_no_answer_is_stored_on_the_way(
    as_doctor: APIClient, as_nobody: APIClient, doctor: Any
) -> None:
    address = f"{V1}/patients/{factories.patient(doctor).pk}/"
    told, refused = as_doctor.get(address), as_nobody.get(address)
    assert (told.status_code, refused.status_code) == (200, 401)
    for answer in (told, refused):
        assert answer["Cache-Control"] == "private, no-store"
