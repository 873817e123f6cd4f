"""The door: who gets in, where they land, and what it leaves on record."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.models import Membership
from dermaclinic.audit.models import Event
from tests import factories
from tests.database import acting_as

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]


def sign_in(client: Client, email: str, password: str = factories.PASSWORD, **more: str) -> Any:
    return client.post(reverse("sign-in"), {"email": email, "password": password, **more})


@pytest.mark.parametrize(
    ("role", "start"),
    [
        ("technician", "patients:find"),
        ("doctor", "reports:worklist"),
        ("administrator", "audit:events"),
    ],
)
def test_each_role_begins_at_its_own_page(clinic: Any, rows: Rows, role: str, start: str) -> None:
    member = factories.membership(clinic, role)
    client = Client()
    planted = client.session
    planted["planted"] = True
    planted.save()
    before = planted.session_key

    response = sign_in(client, member.user.email.upper())

    assert response.url == reverse("home")
    assert client.get(response.url).url == reverse(start)
    assert client.session.session_key != before
    events = rows(Event, action="account.signed_in")
    assert [event.actor_id for event in events] == [member.user_id]


def test_a_wrong_password_says_so_calmly_and_signs_nobody_in(clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    client = Client()
    response = sign_in(client, member.user.email, "not the password")
    assert response.status_code == 400
    assert b"do not fit together" in response.content
    assert b"not the password" not in response.content
    assert "_auth_user_id" not in client.session


def test_an_unknown_account_reads_the_same(clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    known = sign_in(Client(), member.user.email, "not the password")
    unknown = sign_in(Client(), "nobody@clinic.example", "not the password")
    assert known.context["form"].errors == unknown.context["form"].errors


def test_the_wanted_page_opens_after_signing_in(clinic: Any) -> None:
    member = factories.membership(clinic, "technician")
    client = Client()
    wanted = reverse("imaging:held")
    door = client.get(wanted)
    assert door.url == f"{reverse('sign-in')}?next={wanted}"
    assert f'value="{wanted}"' in client.get(door.url).content.decode()
    assert sign_in(client, member.user.email, next=wanted).url == wanted


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_nobody_is_sent_to_another_site(clinic: Any, target: str) -> None:
    member = factories.membership(clinic, "technician")
    assert sign_in(Client(), member.user.email, next=target).url == reverse("home")


def test_signing_out_ends_the_session_and_is_on_record(at_desk: Client, rows: Rows) -> None:
    assert at_desk.get(reverse("sign-out")).status_code == 405
    assert at_desk.post(reverse("sign-out")).url == reverse("sign-in")
    assert at_desk.get(reverse("patients:find")).status_code == 302
    assert len(rows(Event, action="account.signed_out")) == 1


def test_who_works_in_two_clinics_chooses_and_until_then_sees_nothing(
    clinic: Any, other_clinic: Any, rows: Rows
) -> None:
    member = factories.membership(clinic, "technician")
    with acting_as("owner"):
        second = Membership.objects.create(user=member.user, clinic=other_clinic, role="doctor")
    client = Client()
    assert sign_in(client, member.user.email).url == reverse("choose-clinic")

    assert client.get(reverse("patients:find")).status_code == 403
    assert not rows(Event, action="account.signed_in")
    page = client.get(reverse("choose-clinic")).content.decode()
    assert clinic.name in page
    assert other_clinic.name in page

    client.post(reverse("choose-clinic"), {"membership": str(second.pk)})
    assert client.get(reverse("home")).url == reverse("reports:worklist")


def test_nobody_chooses_a_clinic_that_is_not_theirs(
    clinic: Any, other_clinic: Any, at_desk: Client
) -> None:
    foreign = factories.membership(other_clinic, "doctor")
    for wanted in (str(foreign.pk), "rubbish", ""):
        response = at_desk.post(reverse("choose-clinic"), {"membership": wanted})
        assert response.status_code == 404
    assert at_desk.session["clinic"] == str(clinic.pk)


def test_a_person_without_a_clinic_is_told(clinic: Any) -> None:
    member = factories.membership(clinic, "technician")
    client = Client()
    client.force_login(member.user)
    with acting_as("owner"):
        Membership.objects.filter(pk=member.pk).update(is_active=False)
    response = client.get(reverse("patients:find"))
    assert response.status_code == 403
    assert b"belong to no clinic" in response.content


def test_a_fragment_after_the_session_ended_sends_its_page_to_the_door() -> None:
    response = Client().get(reverse("sign-in"), headers={"HX-Request": "true"})
    assert response.headers["HX-Refresh"] == "true"


def test_a_form_from_before_is_explained(clinic: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("sign-in"), {"email": "a@b.example", "password": "x"})
    assert response.status_code == 403
    assert b"reload the page" in response.content
