"""Members: another role, no access and access again; never by oneself, never without a head."""

import threading
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction

from dermaclinic.accounts import members
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid, NotFound
from tests import factories


def membership(actor: Actor) -> Membership:
    return Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)


def actions(actor: Actor) -> list[str]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.order_by("id").values_list("action", flat=True))


def signed_in(person: Any, clinic_id: Any) -> UserSession:
    """A session of the person's, with a clinic chosen."""
    store = SessionStore()
    store["clinic"] = str(clinic_id)
    store.create()
    return UserSession.objects.create(
        user=person, ip="192.0.2.7", user_agent="Firefox", session_key=store.session_key
    )


def test_a_new_role_holds_and_is_on_record(administrator: Actor, technician: Actor) -> None:
    found = members.change_role(
        actor=administrator, membership_id=membership(technician).pk, role="doctor"
    )
    assert membership(technician).role == "doctor"
    with clinic_context(administrator.clinic_id):
        event = Event.objects.get(action="member.role_changed")
    assert event.object_id == str(found.pk)
    assert event.detail["role"] == ["technician", "doctor"]
    assert event.actor_id == administrator.person.pk


def test_the_same_role_changes_nothing(administrator: Actor, technician: Actor) -> None:
    members.change_role(
        actor=administrator, membership_id=membership(technician).pk, role="technician"
    )
    assert actions(administrator) == []


def test_a_role_that_there_is_not_is_refused(administrator: Actor, technician: Actor) -> None:
    with pytest.raises(Invalid):
        members.change_role(
            actor=administrator, membership_id=membership(technician).pk, role="owner"
        )
    assert membership(technician).role == "technician"


def test_only_an_administrator_changes_members(doctor: Actor, technician: Actor) -> None:
    for act in (members.deactivate, members.reactivate):
        with pytest.raises(Forbidden):
            act(actor=doctor, membership_id=membership(technician).pk)
    with pytest.raises(Forbidden):
        members.change_role(
            actor=technician, membership_id=membership(technician).pk, role="doctor"
        )
    assert (membership(technician).role, membership(technician).is_active) == ("technician", True)


def test_members_of_another_clinic_are_not_found(administrator: Actor, stranger: Actor) -> None:
    with pytest.raises(NotFound):
        members.deactivate(actor=administrator, membership_id=membership(stranger).pk)
    assert membership(stranger).is_active


def test_nobody_changes_themselves(clinic: Any, administrator: Actor) -> None:
    factories.membership(clinic, "administrator")
    own = membership(administrator)
    with pytest.raises(Forbidden, match="their own"):
        members.change_role(actor=administrator, membership_id=own.pk, role="doctor")
    with pytest.raises(Forbidden, match="their own"):
        members.deactivate(actor=administrator, membership_id=own.pk)
    assert (membership(administrator).role, membership(administrator).is_active) == (
        "administrator",
        True,
    )


def test_the_last_administrator_stays(clinic: Any, administrator: Actor) -> None:
    other = factories.membership(clinic, "administrator")
    members.deactivate(actor=administrator, membership_id=other.pk)
    for act in (
        lambda pk: members.deactivate(actor=administrator, membership_id=pk),
        lambda pk: members.change_role(actor=administrator, membership_id=pk, role="doctor"),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            act(membership(administrator).pk)
    assert membership(administrator).is_active
    assert membership(administrator).role == "administrator"


def test_deactivation_ends_sessions_and_tokens_of_this_clinic(
    administrator: Actor, technician: Actor, other_clinic: Any
) -> None:
    ours = membership(technician)
    with clinic_context(other_clinic.pk):
        theirs = Membership(user=technician.person, clinic=other_clinic, role="technician")
        theirs.save(force_insert=True)
    here = signed_in(technician.person, technician.clinic_id)
    there = signed_in(technician.person, other_clinic.pk)
    token, _text = ApiToken.issue(ours)
    token_there, _text = ApiToken.issue(theirs)

    members.deactivate(actor=administrator, membership_id=ours.pk)

    assert not membership(technician).is_active
    assert list(UserSession.objects.all()) == [there]
    assert not SessionStore().exists(here.session_key)
    assert SessionStore().exists(there.session_key)
    assert ApiToken.objects.get(pk=token.pk).state == "revoked"
    assert ApiToken.objects.get(pk=token_there.pk).state == "active"
    with clinic_context(administrator.clinic_id):
        event = Event.objects.get(action="member.deactivated")
    assert (event.detail["sessions"], event.detail["tokens"]) == (1, 1)


def test_a_former_member_comes_back_without_the_former_tokens(
    administrator: Actor, technician: Actor
) -> None:
    ours = membership(technician)
    token, _text = ApiToken.issue(ours)
    members.deactivate(actor=administrator, membership_id=ours.pk)
    with pytest.raises(Conflict):
        members.deactivate(actor=administrator, membership_id=ours.pk)
    members.reactivate(actor=administrator, membership_id=ours.pk)
    assert membership(technician).is_active
    assert ApiToken.objects.get(pk=token.pk).state == "revoked"
    assert actions(administrator) == ["member.deactivated", "member.reactivated"]


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other(clinic: Any) -> None:
    one, two = factories.actor(clinic, "administrator"), factories.actor(clinic, "administrator")
    outcomes: list[object] = []

    def second() -> None:
        try:
            outcomes.append(members.deactivate(actor=two, membership_id=membership(one).pk))
        except Forbidden as error:
            outcomes.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        members.deactivate(actor=one, membership_id=membership(two).pk)
        thread.start()
        _until_somebody_waits()
    thread.join(timeout=20)
    assert isinstance(outcomes[0], Forbidden)
    assert membership(one).is_active
    assert not membership(two).is_active


def _until_somebody_waits() -> None:
    from tests.waiting import wait_until

    def waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    wait_until(waits, what="the second administrator's wait")
