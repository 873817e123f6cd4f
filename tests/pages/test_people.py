"""The pages about people: members and invitations, one's own tokens and sessions."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.models import ApiToken, Invitation, Membership, User
from dermaclinic.audit.models import Event
from tests import factories
from tests.pages.conftest import browser, grown_stale

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
INVITED = {"email": "invited@clinic.example", "role": "doctor"}
ACCOUNT = {
    "full_name": "Newly Invited", "password": factories.PASSWORD, "again": factories.PASSWORD,
}  # fmt: skip


def membership_of(actor: Any) -> Membership:
    return Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)


def invite(client: Client, **changes: str) -> Any:
    return client.post(reverse("people:invite"), INVITED | changes)


def test_the_list_shows_who_is_what(administrators: Client, doctor: Any, stranger: Any) -> None:
    page = administrators.get(reverse("people:members")).content.decode()
    assert doctor.person.full_name in page
    assert doctor.person.email in page
    assert stranger.person.full_name not in page


@pytest.mark.parametrize("name", ["people:members", "people:tokens"])
def test_the_lists_are_the_administrators(at_desk: Client, doctors: Client, name: str) -> None:
    for client in (at_desk, doctors):
        assert client.get(reverse(name)).status_code == 403


def test_the_link_is_shown_once_and_makes_an_account(
    administrators: Client, rows: Rows, clinic: Any
) -> None:
    answer = invite(administrators)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"].find("no-store") >= 0
    link = answer.context["link"]
    assert link in answer.content.decode()
    assert link not in administrators.get(reverse("people:members")).content.decode()

    guest = Client()
    assert clinic.name in guest.get(link).content.decode()
    joined = guest.post(link, ACCOUNT)
    assert joined.url == reverse("sign-in")
    assert "_auth_user_id" not in guest.session
    person = User.objects.get(email=INVITED["email"])
    assert [each.role for each in Membership.objects.filter(user=person)] == ["doctor"]
    assert guest.get(link).status_code == 404
    assert len(rows(Event, action="member.joined")) == 1


def test_the_link_is_mailed_where_a_server_is_named(administrators: Client, settings: Any) -> None:
    invite(administrators)
    assert mail.outbox == []
    settings.EMAIL_HOST = "mail.example"
    answer = invite(administrators, email="second@clinic.example")
    (sent,) = mail.outbox
    assert sent.to == ["second@clinic.example"]
    assert answer.context["link"] in sent.body
    assert answer.context["mailed"]


def test_mail_that_does_not_go_out_hinders_nothing(
    administrators: Client, settings: Any, rows: Rows
) -> None:
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = 9  # nobody answers there
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    answer = invite(administrators)
    assert answer.status_code == 201
    assert not answer.context["mailed"]
    assert len(rows(Invitation)) == 1


def test_two_different_passwords_make_no_account(administrators: Client) -> None:
    link = invite(administrators).context["link"]
    answer = Client().post(link, ACCOUNT | {"again": "something else entirely"})
    assert answer.status_code == 400
    assert b"not the same" in answer.content
    assert not User.objects.filter(email=INVITED["email"]).exists()


def test_a_known_person_shows_their_password_to_join(administrators: Client, stranger: Any) -> None:
    link = invite(administrators, email=stranger.person.email).context["link"]
    guest = Client()
    assert guest.post(link, {"password": "not the password"}).status_code == 400
    assert Membership.objects.filter(user=stranger.person).count() == 1
    assert guest.post(link, {"password": factories.PASSWORD}).url == reverse("sign-in")
    assert Membership.objects.filter(user=stranger.person).count() == 2
    assert "_auth_user_id" not in guest.session


def test_a_known_person_who_is_signed_in_joins_with_a_button(
    administrators: Client, stranger: Any, strangers: Client
) -> None:
    link = invite(administrators, email=stranger.person.email).context["link"]
    assert strangers.post(link).url == reverse("choose-clinic")
    assert Membership.objects.filter(user=stranger.person).count() == 2


def test_somebody_else_cannot_take_the_place_with_their_session(
    administrators: Client, stranger: Any, doctors: Client
) -> None:
    link = invite(administrators, email=stranger.person.email).context["link"]
    assert b"signed in as somebody else" in doctors.get(link).content
    assert doctors.post(link).status_code == 400
    assert Membership.objects.filter(user=stranger.person).count() == 1


def test_an_invitation_is_withdrawn(administrators: Client, rows: Rows) -> None:
    link = invite(administrators).context["link"]
    (invitation,) = rows(Invitation)
    administrators.post(reverse("people:withdraw", args=[invitation.pk]))
    assert Client().get(link).status_code == 404


def test_roles_and_access_change_after_a_new_proof_of_who_one_is(
    administrators: Client, administrator: Any, technician: Any
) -> None:
    member = membership_of(technician)
    address = reverse("people:change-role", args=[member.pk])
    stale = grown_stale(browser(administrator))
    asked = stale.post(address, {"role": "doctor"})
    assert asked.status_code == 302
    assert asked.url.startswith(reverse("confirm"))
    assert membership_of(technician).role == "technician"
    administrators.post(address, {"role": "doctor"})
    assert membership_of(technician).role == "doctor"
    for name, active in (("people:deactivate", False), ("people:reactivate", True)):
        administrators.post(reverse(name, args=[member.pk]))
        assert membership_of(technician).is_active is active


@pytest.mark.parametrize("name", ["people:change-role", "people:deactivate"])
def test_an_administrator_is_told_why_not_themselves(
    administrators: Client, administrator: Any, clinic: Any, name: str
) -> None:
    factories.membership(clinic, "administrator")
    own = membership_of(administrator)
    back = administrators.post(reverse(name, args=[own.pk]), {"role": "doctor"})
    assert b"Nobody changes their own role" in administrators.get(back.url).content
    assert membership_of(administrator).role == "administrator"
    assert membership_of(administrator).is_active


def test_a_deactivated_persons_next_page_is_the_door(
    administrators: Client, at_desk: Client, technician: Any
) -> None:
    assert at_desk.get(reverse("patients:find")).status_code == 200
    member = membership_of(technician)
    administrators.post(reverse("people:deactivate", args=[member.pk]))
    answer = at_desk.get(reverse("patients:find"))
    assert answer.url.startswith(reverse("sign-in"))


def test_a_token_is_made_shown_once_and_revoked(at_desk: Client, technician: Any) -> None:
    address = reverse("account:tokens")
    wanted = {"name": "Room 2", "scopes": ["read", "write:images"], "days": "30"}
    stale = grown_stale(browser(technician))
    assert stale.post(address, wanted).url.startswith(reverse("confirm"))
    assert not ApiToken.objects.exists()
    answer = at_desk.post(address, wanted)
    assert answer.status_code == 201
    text = answer.context["text"]
    token = ApiToken.objects.get(digest=ApiToken.digest_of(text))
    page = at_desk.get(address).content.decode()
    assert "Room 2" in page
    assert text not in page
    at_desk.post(reverse("account:revoke-token", args=[token.pk]))
    assert ApiToken.objects.get().state == "revoked"


def test_a_form_of_a_token_offers_what_the_role_can_use(at_desk: Client) -> None:
    page = at_desk.get(reverse("account:tokens")).content.decode()
    assert 'value="write:images"' in page
    assert 'value="sign"' not in page
    wanted = {"name": "x", "scopes": ["sign"], "days": "30"}
    assert at_desk.post(reverse("account:tokens"), wanted).status_code == 400
    assert not ApiToken.objects.exists()


def test_the_administrator_sees_and_ends_the_clinics_tokens(
    administrators: Client, technician: Any, stranger: Any
) -> None:
    ours, _text = ApiToken.issue(membership_of(technician), name="Room 2")
    theirs, _text = ApiToken.issue(membership_of(stranger), name="Elsewhere")
    page = administrators.get(reverse("people:tokens")).content.decode()
    assert "Room 2" in page
    assert "Elsewhere" not in page
    administrators.post(reverse("people:revoke-token", args=[ours.pk]))
    assert ApiToken.objects.get(pk=ours.pk).state == "revoked"
    gone = administrators.post(reverse("people:revoke-token", args=[theirs.pk]))
    assert gone.status_code == 404
    assert ApiToken.objects.get(pk=theirs.pk).state == "active"


def test_one_sees_where_one_is_signed_in_and_ends_it(
    at_desk: Client, technician: Any, rows: Rows
) -> None:
    elsewhere = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140"})
    words = {"email": technician.person.email, "password": factories.PASSWORD}
    elsewhere.post(reverse("sign-in"), words)
    page = at_desk.get(reverse("account:sessions")).content.decode()
    assert "Firefox on Linux" in page
    other = UserSession.objects.get(session_key=elsewhere.session.session_key)
    at_desk.post(reverse("account:end-session", args=[other.pk]))
    assert elsewhere.get(reverse("patients:find")).status_code == 302
    assert at_desk.get(reverse("patients:find")).status_code == 200
    assert len(rows(Event, action="account.sessions_ended")) == 1


def test_one_ends_all_others_at_once(at_desk: Client, technician: Any, rows: Rows) -> None:
    others = [browser(technician), browser(technician)]
    for each in others:
        each.get(reverse("patients:find"))
    at_desk.post(reverse("account:end-other-sessions"))
    assert [each.get(reverse("patients:find")).status_code for each in others] == [302, 302]
    assert at_desk.get(reverse("patients:find")).status_code == 200
    (event,) = rows(Event, action="account.sessions_ended")
    assert event.detail == {"sessions": 2}


def test_nobody_ends_somebody_elses_session(at_desk: Client, doctors: Client) -> None:
    doctors.get(reverse("reports:worklist"))
    theirs = UserSession.objects.get(session_key=doctors.session.session_key)
    assert at_desk.post(reverse("account:end-session", args=[theirs.pk])).status_code == 404
    assert doctors.get(reverse("reports:worklist")).status_code == 200


def test_the_session_one_is_in_ends_by_its_own_button(at_desk: Client) -> None:
    at_desk.get(reverse("account:sessions"))
    own = UserSession.objects.get(session_key=at_desk.session.session_key)
    at_desk.post(reverse("account:end-session", args=[own.pk]))
    assert at_desk.get(reverse("patients:find")).status_code == 200
