"""The second factor: who is asked, what is taken, how often, and what opens without one."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from dermaclinic.accounts import recovery_codes
from dermaclinic.accounts.models import ApiToken, Membership
from tests import factories
from tests.accounts.signing_in import (
    code_of,
    is_signed_in,
    member,
    requiring,
    sign_in,
    told,
    with_app,
)

pytestmark = pytest.mark.django_db


def answer(client: Client, code: str) -> Any:
    return client.post(reverse("sign-in-factor"), {"code": code})


def test_the_password_alone_opens_nothing_for_who_has_a_factor(clinic: Any) -> None:
    person = member(clinic)
    with_app(person.user)
    client = Client()
    assert sign_in(client, person.user.email).url == reverse("sign-in-factor")
    assert not is_signed_in(client)
    assert client.get(reverse("patients:find")).url.startswith(reverse("sign-in"))
    assert not told(clinic, "account.signed_in")


def test_the_right_code_opens_and_leads_where_one_wanted_to_go(clinic: Any) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    client = Client()
    wanted = reverse("imaging:held")
    sign_in(client, person.user.email, next=wanted)
    before = client.session.session_key
    response = answer(client, f" {code_of(secret)[:3]} {code_of(secret)[3:]} ")
    assert response.url == wanted
    assert client.session.session_key != before
    assert client.get(wanted).status_code == 200
    (used,) = told(clinic, "account.factor_used")
    assert used.detail == {"kind": "totp", "for": "sign-in"}
    assert used.actor_id == person.user_id


def test_a_code_is_good_for_once(clinic: Any) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    code = code_of(secret)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, person.user.email)
    assert answer(first, code).status_code == 302
    assert answer(second, code).status_code == 400
    assert not is_signed_in(second)
    # Nor is an older one that was not used: it may have been seen.
    assert answer(second, code_of(secret, periods=-1)).status_code == 400
    assert len(told(clinic, "account.factor_failed")) == 2


@pytest.mark.parametrize("periods", [-3, 3])
def test_a_code_of_another_time_is_none(clinic: Any, periods: int) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    client = Client()
    sign_in(client, person.user.email)
    assert answer(client, code_of(secret, periods=periods)).status_code == 400
    assert not is_signed_in(client)


def test_codes_are_guessed_no_more_often_than_passwords(clinic: Any) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    client = Client()
    sign_in(client, person.user.email)
    for _ in range(4):
        assert answer(client, "000000").status_code == 400
        sign_in(Client(), person.user.email)  # the right password between resets nothing
    assert answer(client, "000000").status_code == 400
    assert answer(client, code_of(secret)).status_code == 429
    assert sign_in(Client(), person.user.email).status_code == 429
    assert not is_signed_in(client)
    assert len(told(clinic, "account.locked_out")) == 1


def test_a_recovery_code_opens_once(clinic: Any) -> None:
    person = member(clinic)
    with_app(person.user)
    code, *others = recovery_codes.renew(person.user)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, person.user.email)
    assert answer(first, code.upper()).status_code == 302
    assert answer(second, code).status_code == 400
    assert answer(second, others[0]).status_code == 302
    assert [each.detail["left"] for each in told(clinic, "account.recovery_code_used")] == [9, 8]


def test_secrets_are_not_readable_in_the_database(clinic: Any) -> None:
    person, other = member(clinic), member(clinic)
    secret = with_app(person.user)
    codes = recovery_codes.renew(person.user)
    rows = " ".join(str(row.data) for row in Authenticator.objects.all())
    assert secret not in rows
    assert not any(code in rows or code.replace("-", "") in rows for code in codes)
    moved = Authenticator.objects.get(type="totp")
    moved.user = other.user
    moved.save()  # somebody's row, copied to another account
    client = Client(raise_request_exception=False)
    sign_in(client, other.user.email)
    assert answer(client, code_of(secret)).status_code == 503
    assert not is_signed_in(client)


def test_without_a_required_factor_nothing_opens_but_the_way_to_one(
    clinic: Any, administrator: Any
) -> None:
    requiring(administrator, "doctor")
    person = member(clinic)
    client = Client()
    sign_in(client, person.user.email)
    factors = reverse("second-factors")
    for page in (reverse("home"), reverse("patients:find"), reverse("reports:worklist")):
        assert client.get(page).url == factors
    assert client.get("/api/v1/worklist/").status_code == 403
    assert client.get(factors).status_code == 200
    posted = client.post(reverse("patients:register"), {"family_name": "X"})
    assert posted.url == factors


def test_enrolling_an_app_opens_everything(clinic: Any, administrator: Any) -> None:
    requiring(administrator, "doctor")
    person = member(clinic)
    client = Client()
    sign_in(client, person.user.email)
    page = client.get(reverse("factor-app"))
    secret = page.context["secret"].replace(" ", "")
    assert client.post(reverse("factor-app"), {"code": "000000"}).status_code == 400
    assert not Authenticator.objects.exists()
    done = client.post(reverse("factor-app"), {"code": code_of(secret)})
    assert len(done.context["codes"]) == 10
    assert client.get(reverse("reports:worklist")).status_code == 200
    assert len(told(clinic, "account.factor_added")) == 1
    assert len(told(clinic, "account.recovery_codes_renewed")) == 1


def test_other_roles_are_not_asked(clinic: Any, administrator: Any) -> None:
    requiring(administrator, "doctor")
    person = member(clinic, "technician")
    client = Client()
    sign_in(client, person.user.email)
    assert client.get(reverse("patients:find")).status_code == 200


def test_a_session_from_before_the_rule_stands_still(clinic: Any, administrator: Any) -> None:
    person = member(clinic)
    client = Client()
    sign_in(client, person.user.email)
    assert client.get(reverse("reports:worklist")).status_code == 200
    requiring(administrator, "doctor")
    assert client.get(reverse("reports:worklist")).url == reverse("second-factors")


def test_the_role_in_the_chosen_clinic_counts(
    clinic: Any, other_clinic: Any, administrator: Any
) -> None:
    requiring(administrator, "doctor")
    person = member(other_clinic, "technician")
    from tests.database import acting_as

    with acting_as("owner"):
        strict = Membership.objects.create(user=person.user, clinic=clinic, role="doctor")
    client = Client()
    sign_in(client, person.user.email)
    mild = Membership.objects.get(user=person.user, clinic=other_clinic)
    client.post(reverse("choose-clinic"), {"membership": str(mild.pk)})
    assert client.get(reverse("patients:find")).status_code == 200
    client.post(reverse("choose-clinic"), {"membership": str(strict.pk)})
    assert client.get(reverse("patients:find")).url == reverse("second-factors")


def token(person: Membership, **more: str) -> Any:
    body = {"email": person.user.email, "password": factories.PASSWORD, **more}
    return APIClient().post("/api/v1/auth/token/", body, "json")


def test_a_token_asks_for_the_factor(clinic: Any) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    refused = token(person)
    assert refused.status_code == 400
    assert "otp" in refused.json()["errors"]
    assert token(person, otp="000000").status_code == 400
    assert not ApiToken.objects.exists()
    assert token(person, otp=code_of(secret)).status_code == 200
    assert ApiToken.objects.count() == 1


def test_no_token_for_who_owes_a_factor(clinic: Any, administrator: Any) -> None:
    requiring(administrator, "doctor")
    assert token(member(clinic)).status_code == 400
    assert not ApiToken.objects.exists()


def test_nobody_comes_to_the_second_question_without_the_first(clinic: Any) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    client = Client()
    assert answer(client, code_of(secret)).url == reverse("sign-in")
    assert not is_signed_in(client)
