"""The operator's way back for somebody who has lost password and device."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client

from dermaclinic.accounts import tokens
from dermaclinic.accounts.actor import member_actor
from tests.accounts.signing_in import is_signed_in, member, sign_in, told, with_app
from tests.database import acting_as

pytestmark = pytest.mark.django_db
NEW = "seven green herons by the lake"


def reset(email: str, password: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("NEW_PASSWORD", password)
    with acting_as("owner"):
        call_command("reset_sign_in", email)


def test_a_new_password_opens_and_the_old_way_is_gone(clinic: Any, monkeypatch: Any) -> None:
    person = member(clinic)
    before = Client()
    sign_in(before, person.user.email)
    with_app(person.user)
    SocialAccount.objects.create(user=person.user, provider="oidc-1", uid="subject")
    wanted = {"name": "Room 2", "wanted": ["read"], "days": 90}
    token, _text = tokens.issue(actor=member_actor(person), **wanted)
    reset(person.user.email.upper(), NEW, monkeypatch)
    assert before.get("/").url.startswith("/sign-in/")
    assert not Authenticator.objects.exists()
    assert not SocialAccount.objects.exists()
    token.refresh_from_db()
    assert token.state == "revoked"
    (event,) = told(clinic, "account.token_revoked")
    assert (event.role, event.object_id) == ("system", str(token.pk))
    assert sign_in(Client(), person.user.email).status_code == 400
    client = Client()
    sign_in(client, person.user.email, NEW)
    assert is_signed_in(client)
    (event,) = told(clinic, "account.sign_in_reset")
    assert (event.role, event.object_id) == ("system", str(person.user_id))


def test_a_weak_password_or_an_unknown_account_changes_nothing(
    clinic: Any, monkeypatch: Any
) -> None:
    person = member(clinic)
    with_app(person.user)
    with pytest.raises(CommandError):
        reset(person.user.email, "password1234", monkeypatch)
    with pytest.raises(CommandError):
        reset("nobody@clinic.example", NEW, monkeypatch)
    assert Authenticator.objects.count() == 1
    assert not told(clinic, "account.sign_in_reset")
