"""Guessing: how often, what is said, and what it leaves behind."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from dermaclinic.accounts.models import ApiToken
from tests.accounts.signing_in import WRONG, is_signed_in, member, sign_in, told, told_nobody

pytestmark = pytest.mark.django_db


def fail(email: str, times: int, address: str = "192.0.2.7") -> Any:
    client = Client(REMOTE_ADDR=address)
    for _ in range(times):
        response = sign_in(client, email, WRONG)
    return response


def test_five_wrong_passwords_from_one_address_lock_it_out_and_no_other(clinic: Any) -> None:
    email = member(clinic).user.email
    assert fail(email, 5).status_code == 400
    here, elsewhere = Client(REMOTE_ADDR="192.0.2.7"), Client(REMOTE_ADDR="192.0.2.8")
    refused = sign_in(here, email)  # the right one, too late
    assert refused.status_code == 429
    assert "wait 15 minutes" in refused.content.decode()
    assert not is_signed_in(here)
    assert sign_in(elsewhere, email).status_code == 302
    assert is_signed_in(elsewhere)
    (event,) = told(clinic, "account.locked_out")
    assert (event.outcome, event.address) == ("failure", "192.0.2.7")
    assert [each.detail.get("locked") for each in told(clinic, "account.sign_in_failed")] == [
        *[None] * 5,
        True,
    ]


def test_an_account_is_locked_for_everybody_after_thirty(clinic: Any) -> None:
    email = member(clinic).user.email
    for host in range(1, 7):
        fail(email, 5, address=f"198.51.100.{host}")
    fresh = Client(REMOTE_ADDR="203.0.113.9")
    assert sign_in(fresh, email).status_code == 429
    assert not is_signed_in(fresh)


def test_what_is_said_of_a_locked_account_is_said_of_none(clinic: Any) -> None:
    email = member(clinic).user.email
    for name in (email, "nobody@clinic.example"):
        fail(name, 5)
    known, unknown = (fail(name, 1) for name in (email, "nobody@clinic.example"))
    assert known.status_code == unknown.status_code == 429
    assert known.context["form"].errors == unknown.context["form"].errors
    assert told_nobody("account.locked_out") == 1


def test_the_lock_opens_again_though_somebody_knocks_on(clinic: Any, monkeypatch: Any) -> None:
    email = member(clinic).user.email
    fail(email, 9)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timezone.timedelta(minutes=16))
    here = Client(REMOTE_ADDR="192.0.2.7")
    assert sign_in(here, email).status_code == 302
    assert is_signed_in(here)


def test_a_success_forgets_this_address_and_no_other(clinic: Any) -> None:
    email = member(clinic).user.email
    fail(email, 4)
    fail(email, 3, address="192.0.2.99")
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7"), email).status_code == 302
    left = AccessAttempt.objects.values_list("ip_address", "failures_since_start")
    assert list(left) == [("192.0.2.99", 3)]


def test_the_counts_hold_no_e_mail_and_no_password(clinic: Any) -> None:
    email = member(clinic).user.email
    fail(email, 2)
    fail("my secret pass phrase", 1)
    rows = [str(row) for row in AccessAttempt.objects.values_list()]
    assert len(rows) == 1  # what is no address is not even tried
    assert not any(email in row or WRONG in row for row in rows)


def test_the_api_counts_the_same_guesses(clinic: Any) -> None:
    email = member(clinic).user.email
    api = APIClient(REMOTE_ADDR="192.0.2.7")
    for _ in range(3):
        wrong = api.post("/api/v1/auth/token/", {"email": email, "password": WRONG}, "json")
        assert wrong.status_code == 400
    fail(email, 2)
    answer = api.post(
        "/api/v1/auth/token/",
        {"email": email, "password": "correct horse battery staple"},
        "json",
    )
    assert answer.status_code == 429
    assert not ApiToken.objects.exists()


def test_an_unknown_account_costs_a_hash_too(clinic: Any, monkeypatch: Any) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher

    counted: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        counted.append(password)
        return str(encode(self, password, salt))

    known = member(clinic).user.email
    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    fail(known, 1)
    for_known, counted = len(counted), counted
    counted.clear()
    fail("nobody@clinic.example", 1)
    assert len(counted) == for_known == 1


def test_checks_are_clean() -> None:
    call_command("check", fail_level="WARNING")
