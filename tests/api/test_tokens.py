"""The way in: a token for e-mail and password, or a session with its CSRF token."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.audit.models import Event
from patients.models import Patient
from tests import factories
from tests.api.calling import V1, actions, count, errors, problem

TOKEN = f"{V1}/auth/token/"
PATIENT = {
    "mrn": "A-1", "family_name": "Muster", "given_name": "Eva", "birth_date": "1980-02-29",
    "sex": "female",
}  # fmt: skip


def credentials(actor: Any, **changes: str) -> dict[str, str]:
    return {"email": actor.user.email, "password": factories.PASSWORD} | changes


def test_a_token_opens_the_api(as_nobody: APIClient, technician: Any) -> None:
    answer = as_nobody.post(TOKEN, credentials(technician))
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    as_nobody.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert as_nobody.post(f"{V1}/patients/", PATIENT).status_code == 201
    assert actions(technician)[:2] == ["account.signed_in", "account.token_issued"]


def test_the_e_mail_may_be_in_capitals(as_nobody: APIClient, technician: Any) -> None:
    answer = as_nobody.post(TOKEN, credentials(technician, email=technician.user.email.upper()))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"email": "nobody@clinic.example"}, {"password": " "}]
)
def test_wrong_credentials_get_none(
    as_nobody: APIClient, technician: Any, changes: dict[str, str]
) -> None:
    answer = as_nobody.post(TOKEN, credentials(technician, **changes))
    assert "do not fit" in problem(answer, 400)["detail"]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "a@b.example"}, "password"),
        ({"password": "x"}, "email"),
        ({"email": "no address", "password": "x"}, "email"),
        ({"email": "a@b.example", "password": "x\0"}, "password"),
        ({"email": "a@b.example", "password": "x" * 1001}, "password"),
        ({"email": "a@b.example", "password": "x", "role": "administrator"}, "role"),
    ],
)
def test_a_body_that_makes_no_sense(as_nobody: APIClient, body: dict[str, str], field: str) -> None:
    assert field in errors(as_nobody.post(TOKEN, body))
    assert not ApiToken.objects.exists()


def test_a_stale_token_is_of_no_use_for_getting_a_new_one(
    as_nobody: APIClient, technician: Any
) -> None:
    as_nobody.credentials(HTTP_AUTHORIZATION="Token stale")
    assert as_nobody.post(TOKEN, credentials(technician)).status_code == 200


@pytest.mark.parametrize(
    "header", ["Token", "Token x", "Token x y", "Bearer x", "Token \xff", "Basic YTpi"]
)
def test_no_valid_token_no_api(as_nobody: APIClient, technician: Any, header: str) -> None:
    as_nobody.credentials(HTTP_AUTHORIZATION=header)
    answer = as_nobody.post(f"{V1}/patients/", PATIENT)
    problem(answer, 401)
    assert answer["WWW-Authenticate"] == "Token"
    assert count(technician, Patient) == 0


def test_a_token_ends_with_its_membership(as_technician: APIClient, technician: Any) -> None:
    from tests.database import acting_as

    with acting_as("owner"):
        Membership.objects.filter(user=technician.user).update(is_active=False)
    problem(as_technician.post(f"{V1}/patients/", PATIENT), 401)
    assert count(technician, Patient) == 0


def test_a_session_needs_its_csrf_token(technician: Any) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.default_format = "json"
    client.force_login(technician.user)
    problem(client.post(f"{V1}/patients/", PATIENT), 403)
    assert count(technician, Patient) == 0
    page = client.get("/sign-in/")
    client.get("/patients/")
    csrf = client.cookies.get("csrftoken")
    assert page.status_code == 302
    assert csrf is not None
    answer = client.post(f"{V1}/patients/", PATIENT, HTTP_X_CSRFTOKEN=csrf.value)
    assert answer.status_code == 201


def test_a_session_without_membership_is_nobodys(as_nobody: APIClient, technician: Any) -> None:
    from tests.database import acting_as

    with acting_as("owner"):
        Membership.objects.filter(user=technician.user).update(is_active=False)
    as_nobody.force_login(technician.user)
    problem(as_nobody.post(f"{V1}/patients/", PATIENT), 403)
    assert count(technician, Patient) == 0
    assert count(technician, Event, action="patient.registered") == 0
