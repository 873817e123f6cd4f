"""Invitations: one open a person, one use, a week, and an account that is one's own."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from dermaclinic.accounts import invitations
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Invitation, Membership, User
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from tests import factories
from tests.database import acting_as

EMAIL = "New.Person@Clinic.example"
ACCOUNT = {"full_name": "Newly Invited", "password": factories.PASSWORD}


def invite(actor: Actor, **changes: Any) -> tuple[Invitation, str]:
    return invitations.invite(actor=actor, **{"email": EMAIL, "role": "technician", **changes})


def stored(actor: Actor) -> list[Invitation]:
    with clinic_context(actor.clinic_id):
        return list(Invitation.objects.order_by("invited_at"))


def events(actor: Actor) -> list[str]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.order_by("id").values_list("action", flat=True))


def expire(actor: Actor) -> None:
    with clinic_context(actor.clinic_id), acting_as("owner"):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def join(actor: Actor, token: str, **changes: Any) -> Membership:
    return invitations.accept_as_new(
        clinic_id=actor.clinic_id, token=token, **{**ACCOUNT, **changes}
    )


def test_an_invitation_keeps_a_hash_and_holds_a_week(administrator: Actor) -> None:
    made, token = invite(administrator)
    (kept,) = stored(administrator)
    assert kept.email == EMAIL.lower()
    assert token not in str(vars(kept))
    assert kept.expires_at - kept.invited_at >= timedelta(days=6, hours=23)
    assert kept.expires_at - kept.invited_at <= timedelta(days=7, seconds=5)
    with clinic_context(administrator.clinic_id):
        event = Event.objects.get(action="member.invited")
    assert event.object_id == str(made.pk)
    assert EMAIL.lower() not in str(event.detail).lower()


def test_who_takes_the_place_becomes_what_they_were_invited_as(administrator: Actor) -> None:
    _made, token = invite(administrator, role="doctor")
    joined = join(administrator, token)
    assert (joined.role, joined.clinic_id) == ("doctor", administrator.clinic_id)
    person = User.objects.get(email=EMAIL.lower())
    assert person.check_password(factories.PASSWORD)
    (kept,) = stored(administrator)
    assert kept.accepted_by == person
    assert events(administrator) == ["member.invited", "member.joined"]


def test_a_link_works_once(administrator: Actor) -> None:
    _made, token = invite(administrator)
    join(administrator, token)
    with pytest.raises(NotFound):
        join(administrator, token)
    with pytest.raises(NotFound):
        invitations.place(clinic_id=administrator.clinic_id, token=token)
    assert Membership.objects.filter(clinic_id=administrator.clinic_id).count() == 2


@pytest.mark.parametrize("ended", ["expired", "withdrawn", "rubbish", "other clinic"])
def test_a_link_that_does_not_hold_leads_nowhere(
    administrator: Actor, stranger: Actor, ended: str
) -> None:
    made, token = invite(administrator)
    clinic_id = administrator.clinic_id
    if ended == "expired":
        expire(administrator)
    elif ended == "withdrawn":
        invitations.withdraw(actor=administrator, invitation_id=made.pk)
    elif ended == "rubbish":
        token = token[:-1]
    else:
        clinic_id = stranger.clinic_id
    with pytest.raises(NotFound, match="no longer holds"):
        invitations.accept_as_new(clinic_id=clinic_id, token=token, **ACCOUNT)
    assert not User.objects.filter(email=EMAIL.lower()).exists()


def test_one_open_invitation_a_person(administrator: Actor) -> None:
    invite(administrator)
    with pytest.raises(Conflict, match="open invitation"):
        invite(administrator, email=EMAIL.upper())
    assert len(stored(administrator)) == 1


def test_an_expired_invitation_gives_way(administrator: Actor) -> None:
    _made, old = invite(administrator)
    expire(administrator)
    invite(administrator)
    first, second = stored(administrator)
    assert first.withdrawn_at is not None
    assert second.withdrawn_at is None
    with pytest.raises(NotFound):
        join(administrator, old)


def test_who_is_a_member_is_not_invited(administrator: Actor, doctor: Actor) -> None:
    with pytest.raises(Conflict, match="member already"):
        invite(administrator, email=doctor.person.email)
    assert stored(administrator) == []


@pytest.mark.parametrize("changes", [{"email": "nobody"}, {"role": "owner"}])
def test_what_makes_no_sense_is_refused(administrator: Actor, changes: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        invite(administrator, **changes)
    assert stored(administrator) == []


def test_only_an_administrator_invites(doctor: Actor, technician: Actor) -> None:
    for actor in (doctor, technician):
        with pytest.raises(Forbidden):
            invite(actor)
    assert stored(doctor) == []


def test_another_clinics_invitation_is_not_found(administrator: Actor, other_clinic: Any) -> None:
    made, _token = invite(administrator)
    foreign = factories.actor(other_clinic, "administrator")
    with pytest.raises(NotFound):
        invitations.withdraw(actor=foreign, invitation_id=made.pk)
    assert stored(administrator)[0].withdrawn_at is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "newly.invited@clinic"}, "password"),
        ({"full_name": "   "}, "full_name"),
    ],
)
def test_a_weak_password_or_no_name_makes_no_account(
    administrator: Actor, changes: dict[str, str], field: str
) -> None:
    _made, token = invite(administrator, email="newly.invited@clinic.example")
    with pytest.raises(Invalid) as refused:
        join(administrator, token, **changes)
    assert field in refused.value.errors
    assert not User.objects.filter(email="newly.invited@clinic.example").exists()
    assert stored(administrator)[0].accepted_at is None


def test_a_known_person_joins_with_the_account_they_have(
    administrator: Actor, stranger: Actor
) -> None:
    _made, token = invite(administrator, email=stranger.person.email)
    with pytest.raises(Conflict):
        join(administrator, token)
    joined = invitations.accept_as(
        clinic_id=administrator.clinic_id, token=token, user=stranger.person
    )
    assert joined.user == stranger.person
    assert Membership.objects.filter(user=stranger.person).count() == 2


def test_an_invitation_is_not_for_somebody_else(administrator: Actor, stranger: Actor) -> None:
    for email in (EMAIL, factories.membership(stranger_clinic(stranger), "doctor").user.email):
        _made, token = invite(administrator, email=email)
        with pytest.raises(NotFound):
            invitations.accept_as(
                clinic_id=administrator.clinic_id, token=token, user=stranger.person
            )
    assert Membership.objects.filter(user=stranger.person).count() == 1


def stranger_clinic(stranger: Actor) -> Any:
    return Membership.objects.get(user=stranger.user).clinic


def test_the_database_keeps_the_rules(administrator: Actor) -> None:
    made, token = invite(administrator)
    with (
        clinic_context(administrator.clinic_id),
        pytest.raises(IntegrityError, match="one_open_invitation"),
        transaction.atomic(),
    ):
        Invitation.objects.create(
            clinic_id=administrator.clinic_id,
            email=EMAIL.lower(),
            role="doctor",
            digest="x",
            invited_by=administrator.person,
            expires_at=timezone.now(),
        )
    join(administrator, token)
    for change in ({"role": "administrator"}, {"withdrawn_at": timezone.now()}):
        with (
            clinic_context(administrator.clinic_id),
            pytest.raises(DatabaseError, match=r"permission denied|ends once"),
            transaction.atomic(),
        ):
            Invitation.objects.filter(pk=made.pk).update(**change)
