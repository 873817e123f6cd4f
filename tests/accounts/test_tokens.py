"""API tokens: made for oneself within one's role, listed, revoked, and over at their time."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from dermaclinic.accounts import tokens
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from tests import factories

WANTED = {"name": "Room 2", "wanted": ["read", "write:images"], "days": 90}


def issue(actor: Actor, **changes: Any) -> tuple[ApiToken, str]:
    return tokens.issue(actor=actor, **{**WANTED, **changes})


def events(actor: Actor) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.order_by("id"))


def test_a_token_is_kept_as_a_hash_with_what_was_chosen(technician: Actor) -> None:
    token, text = issue(technician)
    kept = ApiToken.objects.get()
    assert kept == token
    assert (kept.name, kept.scopes) == ("Room 2", ["read", "write:images"])
    assert text not in str(vars(kept))
    assert kept.digest == ApiToken.digest_of(text)
    lasts = kept.expires_at - kept.created_at
    assert abs(lasts - timedelta(days=90)) < timedelta(seconds=5)
    (event,) = events(technician)
    assert event.action == "account.token_issued"
    assert event.detail["scopes"] == ["read", "write:images"]


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("technician", ["sign"]),
        ("technician", ["read", "write:models"]),
        ("doctor", ["write:models"]),
        ("administrator", ["write:patients"]),
        ("technician", ["everything"]),
        ("technician", []),
    ],
)
def test_a_scope_beyond_the_role_is_refused(clinic: Any, role: str, wanted: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        issue(factories.actor(clinic, role), wanted=wanted)
    assert list(refused.value.errors) == ["scopes"]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"name": "  "}, {"name": "x" * 81}, {"days": 0}, {"days": 366}]
)
def test_a_token_has_a_name_and_an_end(technician: Actor, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        issue(technician, **changes)
    assert not ApiToken.objects.exists()


def test_one_revokes_ones_own_and_only_once(technician: Actor) -> None:
    token, _text = issue(technician)
    tokens.revoke(actor=technician, token_id=token.pk, own=True)
    assert ApiToken.objects.get().state == "revoked"
    with pytest.raises(Conflict):
        tokens.revoke(actor=technician, token_id=token.pk, own=True)
    assert [each.action for each in events(technician)] == [
        "account.token_issued",
        "account.token_revoked",
    ]


def test_only_an_administrator_ends_somebody_elses(
    technician: Actor, doctor: Actor, administrator: Actor
) -> None:
    token, _text = issue(technician)
    with pytest.raises(NotFound):
        tokens.revoke(actor=doctor, token_id=token.pk, own=True)
    with pytest.raises(Forbidden):
        tokens.revoke(actor=doctor, token_id=token.pk)
    with pytest.raises(Forbidden):
        tokens.of_clinic(doctor)
    assert ApiToken.objects.get().state == "active"
    assert list(tokens.of_clinic(administrator)) == [token]
    tokens.revoke(actor=administrator, token_id=token.pk)
    assert ApiToken.objects.get().state == "revoked"


def test_another_clinics_tokens_are_not_found(technician: Actor, other_clinic: Any) -> None:
    token, _text = issue(technician)
    foreign = factories.actor(other_clinic, "administrator")
    assert not tokens.of_clinic(foreign).exists()
    with pytest.raises(NotFound):
        tokens.revoke(actor=foreign, token_id=token.pk)
    assert ApiToken.objects.get().state == "active"


def test_who_has_been_deactivated_makes_no_token(technician: Actor) -> None:
    with clinic_context(technician.clinic_id):
        Membership.objects.filter(user=technician.user).update(is_active=False)
    with pytest.raises(Forbidden):
        issue(technician)
    assert not ApiToken.objects.exists()


def test_the_database_keeps_the_rules(technician: Actor) -> None:
    token, _text = issue(technician)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(scopes=["sign"])
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    tokens.revoke(actor=technician, token_id=token.pk, own=True)
    with pytest.raises(DatabaseError, match="stays revoked"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(revoked_at=None)
    for changes in (
        {"scopes": ["everything"]},
        {"expires_at": timezone.now() + timedelta(days=400)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.issue(token.membership, **changes)
