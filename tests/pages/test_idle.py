"""The server's own limits on a session: a pause, and its whole length."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts import clinic_settings, idle
from dermaclinic.audit.models import Event
from tests import factories
from tests.accounts.signing_in import code_of, with_app

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]
DESK = reverse("patients:find")


def after(client: Client, **pause: float) -> UserSession:
    """Set the clock of the session's last activity back."""
    key = client.session.session_key
    assert key is not None
    seen = timezone.now() - timedelta(**pause)
    UserSession.objects.filter(session_key=key).update(last_seen_at=seen)
    return UserSession.objects.get(session_key=key)


@pytest.fixture
def begun(at_desk: Client) -> Client:
    """A session with a first page."""
    assert at_desk.get(DESK).status_code == 200
    return at_desk


def test_after_the_pause_the_session_is_over(begun: Client, rows: Rows, technician: Any) -> None:
    before = after(begun, minutes=15, seconds=31)
    answer = begun.get(DESK)
    assert answer.url == f"{reverse('sign-in')}?next={DESK}"
    assert "_auth_user_id" not in begun.session
    assert not UserSession.objects.filter(pk=before.pk).exists()
    (event,) = rows(Event, action="account.idled_out")
    assert event.actor_id == technician.person.pk


def signed_in(client: Client, **ago: float) -> None:
    """Set the clock of the sign-in back."""
    session = client.session
    session["account_authentication_methods"][0]["at"] -= timedelta(**ago).total_seconds()
    session.save()


def test_twelve_hours_after_the_sign_in_the_busiest_session_is_over(
    begun: Client, rows: Rows
) -> None:
    key = begun.session.session_key
    signed_in(begun, hours=11, minutes=59)
    assert begun.get(DESK).status_code == 200
    begun.post(reverse("confirm"), {"password": factories.PASSWORD})  # a later proof is no sign-in
    assert len(begun.session["account_authentication_methods"]) == 2
    signed_in(begun, minutes=2)
    assert begun.get(DESK).url == f"{reverse('sign-in')}?next={DESK}"
    assert "_auth_user_id" not in begun.session
    assert not UserSession.objects.filter(session_key=key).exists()
    assert len(rows(Event, action="account.signed_out")) == 1
    assert not rows(Event, action="account.idled_out")


def test_without_a_proof_on_it_a_session_counts_from_its_row(begun: Client) -> None:
    session = begun.session
    del session["account_authentication_methods"]
    session.save()
    found = UserSession.objects.filter(session_key=session.session_key)
    assert begun.get(DESK).status_code == 200
    found.update(created_at=timezone.now() - timedelta(hours=12, seconds=1))
    assert begun.get(DESK).status_code == 302
    assert "_auth_user_id" not in begun.session


def test_an_abandoned_attempt_shortens_no_later_session(clinic: Any) -> None:
    person = factories.membership(clinic, "technician")
    client, secret = Client(), with_app(person.user)
    first = {"email": person.user.email, "password": factories.PASSWORD}
    client.post(reverse("sign-in"), first)
    signed_in(client, hours=13)
    client.post(reverse("sign-in"), first)
    client.post(reverse("sign-in-factor"), {"code": code_of(secret)})
    assert client.get(DESK).status_code == 200


def test_a_change_that_comes_too_late_changes_nothing(begun: Client, rows: Rows) -> None:
    from patients.models import Patient

    after(begun, minutes=16)
    begun.post(
        reverse("patients:register"),
        {
            "family_name": "Late", "given_name": "Too", "birth_date": "1980-01-01",
            "sex": "female", "mrn": "L-1",
        },
    )  # fmt: skip
    assert rows(Patient) == []


def test_before_that_a_request_starts_the_time_anew(begun: Client) -> None:
    after(begun, minutes=14, seconds=50)
    assert begun.get(DESK).status_code == 200
    after_it = UserSession.objects.get(session_key=begun.session.session_key)
    assert timezone.now() - after_it.last_seen_at < timedelta(seconds=10)


@pytest.mark.parametrize(
    "headers", [{idle.BACKGROUND: "true"}, {"Sec-Fetch-Dest": "image"}], ids=["poll", "image"]
)
def test_what_a_page_asks_by_itself_is_no_activity(begun: Client, headers: dict[str, str]) -> None:
    before = after(begun, minutes=10)
    assert begun.get(DESK, headers=headers).status_code == 200
    assert UserSession.objects.get(pk=before.pk).last_seen_at == before.last_seen_at
    after(begun, minutes=16)
    assert begun.get(DESK, headers=headers).status_code == 302


def test_a_fragment_sends_its_page_to_the_door(begun: Client) -> None:
    after(begun, minutes=16)
    answer = begun.get(DESK, headers={"HX-Request": "true"}, follow=True)
    assert answer.headers["HX-Refresh"] == "true"


def test_the_api_refuses_a_session_after_the_pause(begun: Client) -> None:
    assert begun.get("/api/v1/quarantine/").status_code == 200
    after(begun, minutes=16)
    assert begun.get("/api/v1/quarantine/").status_code == 401


def test_the_clinic_says_how_long(begun: Client, administrator: Any) -> None:
    clinic_settings.change(
        actor=administrator, number=0, prevalence=None, targets={}, idle_minutes=5
    )
    assert b'data-idle-seconds="300"' in begun.get(DESK).content
    after(begun, minutes=5, seconds=31)
    assert begun.get(DESK).status_code == 302


def test_work_without_requests_is_told_by_the_page(begun: Client) -> None:
    after(begun, minutes=10)
    assert begun.post(reverse("account:stay")).status_code == 204
    session = UserSession.objects.get(session_key=begun.session.session_key)
    assert timezone.now() - session.last_seen_at < timedelta(seconds=10)
    assert Client().post(reverse("account:stay")).status_code == 302


def test_the_browser_ends_the_session_when_it_covers_the_page(begun: Client, rows: Rows) -> None:
    assert begun.post(reverse("account:idled-out")).status_code == 204
    assert begun.get(DESK).status_code == 302
    assert len(rows(Event, action="account.idled_out")) == 1
    assert b"signed out after a pause" in begun.get(reverse("sign-in")).content
