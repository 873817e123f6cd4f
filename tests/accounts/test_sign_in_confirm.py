"""Asking again who sits there: for what, how, and where it leads."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import Argon2PasswordHasher, get_hashers
from django.core.exceptions import ValidationError
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from dermaclinic.accounts import recovery_codes, tokens
from dermaclinic.accounts.actor import member_actor
from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.passwords import DecoratedPasswordValidator
from dermaclinic.settings import base
from tests import factories
from tests.accounts.signing_in import (
    WRONG,
    code_of,
    is_signed_in,
    requiring,
    sign_in,
    told,
    with_app,
)
from tests.database import acting_as
from tests.pages.conftest import browser, grown_stale

pytestmark = pytest.mark.django_db
NEW = "seven green herons by the lake"


@pytest.fixture
def stale(doctor: Any) -> Client:
    return grown_stale(browser(doctor))


def confirm(client: Client, **answer: str) -> Any:
    return client.post(reverse("confirm"), {"next": reverse("change-password"), **answer})


def test_after_five_minutes_one_is_asked_and_led_back(stale: Client, clinic: Any) -> None:
    wanted = reverse("change-password")
    asked = stale.get(wanted).url
    assert asked == f"{reverse('confirm')}?next={wanted.replace('/', '%2F')}&own=1"
    assert f'value="{wanted}"' in stale.get(asked).content.decode()
    assert confirm(stale, password=factories.PASSWORD).url == wanted
    assert stale.get(wanted).status_code == 200
    assert [each.detail for each in told(clinic, "account.confirmed")] == [{"how": "password"}]


def test_a_form_sent_too_late_changes_nothing_and_leads_back_to_its_page(
    stale: Client, doctor: Any
) -> None:
    with_app(doctor.user)
    (app,) = Authenticator.objects.all()
    page = reverse("second-factors")
    headers = {"referer": f"http://testserver{page}"}
    answer = stale.post(reverse("factor-remove", args=[app.pk]), headers=headers)
    assert answer.url == f"{reverse('confirm')}?next={page.replace('/', '%2F')}&own=1"
    assert Authenticator.objects.count() == 1
    foreign = {"referer": "https://evil.example/x"}
    answer = stale.post(reverse("factor-remove", args=[app.pk]), headers=foreign)
    assert answer.url == f"{reverse('confirm')}?next=%2F&own=1"


def test_a_fragment_takes_its_page_along(stale: Client) -> None:
    answer = stale.post(reverse("recovery-codes"), headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith(reverse("confirm"))


def test_a_wrong_password_confirms_nothing_is_counted_and_on_record(
    stale: Client, clinic: Any
) -> None:
    for _ in range(5):
        assert confirm(stale, password=WRONG).status_code == 400
    assert confirm(stale, password=factories.PASSWORD).status_code == 429
    assert stale.get(reverse("change-password")).status_code == 302
    assert len(told(clinic, "account.confirmation_failed")) == 5
    assert len(told(clinic, "account.locked_out")) == 1
    assert not told(clinic, "account.confirmed")


def test_a_code_confirms_too(stale: Client, doctor: Any, clinic: Any) -> None:
    secret = with_app(doctor.user)
    assert confirm(stale, code=code_of(secret)).url == reverse("change-password")
    assert told(clinic, "account.factor_used")[0].detail["for"] == "confirmation"


def test_who_has_a_factor_changes_the_account_with_it_only(doctor: Any, clinic: Any) -> None:
    client = browser(doctor)  # the password was shown just now
    secret = with_app(doctor.user)
    (app,) = Authenticator.objects.all()
    refused = [
        client.get(reverse("factor-app")),
        client.get(reverse("factor-passkey")),
        client.post(reverse("recovery-codes")),
        client.post(reverse("factor-remove", args=[app.pk])),
        client.post(reverse("change-password"), {"password": NEW}),
    ]
    assert all(each.url.startswith(reverse("confirm")) for each in refused)
    assert 'name="password"' not in client.get(refused[0].url).content.decode()
    assert confirm(client, password=factories.PASSWORD).status_code == 400
    assert client.get(reverse("change-password")).status_code == 302
    doctor.user.refresh_from_db()
    assert doctor.user.check_password(factories.PASSWORD)
    assert list(Authenticator.objects.all()) == [app]
    confirm(client, code=code_of(secret))
    assert client.post(reverse("change-password"), {"password": NEW}).status_code == 302
    doctor.user.refresh_from_db()
    assert doctor.user.check_password(NEW)


def test_the_first_factor_ends_the_sessions_that_never_saw_one(doctor: Any, clinic: Any) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, doctor.user.email)
    secret = here.get(reverse("factor-app")).context["secret"].replace(" ", "")
    assert here.post(reverse("factor-app"), {"code": code_of(secret)}).status_code == 200
    assert here.get(reverse("reports:worklist")).status_code == 200
    assert elsewhere.get(reverse("reports:worklist")).status_code == 302
    assert not is_signed_in(elsewhere)
    assert [each.detail for each in told(clinic, "account.sessions_ended")] == [{"sessions": 1}]


def test_nobody_is_led_to_another_site(stale: Client) -> None:
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = confirm(stale, password=factories.PASSWORD, next=target)
        assert answer.url == reverse("home")


def test_confirming_is_for_those_who_are_signed_in() -> None:
    assert confirm(Client(), password="x").url.startswith(reverse("sign-in"))


def test_the_last_factor_stays_while_the_role_needs_one(
    doctor: Any, administrator: Any, clinic: Any
) -> None:
    client = browser(doctor)
    confirm(client, code=code_of(with_app(doctor.user)))
    (app,) = Authenticator.objects.all()
    requiring(administrator, "doctor")
    client.post(reverse("factor-remove", args=[app.pk]))
    assert Authenticator.objects.count() == 1
    requiring(administrator)
    recovery_codes.renew(doctor.user)
    client.post(reverse("factor-remove", args=[app.pk]))
    assert not Authenticator.objects.exists()
    assert len(told(clinic, "account.factor_removed")) == 1


def test_a_factor_of_somebody_else_is_not_there(doctor: Any, technician: Any, clinic: Any) -> None:
    with_app(technician.user)
    (app,) = Authenticator.objects.all()
    answer = browser(doctor).post(reverse("factor-remove", args=[app.pk]))
    assert answer.status_code == 404
    assert Authenticator.objects.count() == 1


def test_new_recovery_codes_void_the_former(doctor: Any, clinic: Any) -> None:
    client = browser(doctor)
    refused = client.post(reverse("recovery-codes"))
    assert refused.status_code == 302  # they stand in for a factor, and there is none
    assert not Authenticator.objects.exists()
    confirm(client, code=code_of(with_app(doctor.user)))
    former = recovery_codes.renew(doctor.user)[0]
    page = client.post(reverse("recovery-codes"))
    assert len(page.context["codes"]) == 10
    assert "no-store" in page.headers["Cache-Control"]
    row = Authenticator.objects.get(type="recovery_codes")
    assert not recovery_codes.use(row, former)
    assert recovery_codes.use(row, page.context["codes"][0])


def test_a_new_password_ends_the_other_sessions(doctor: Any, clinic: Any) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, doctor.user.email)
    weak = here.post(reverse("change-password"), {"password": "P4ssw0rd!!!!!!"})
    assert weak.status_code == 400
    assert here.post(reverse("change-password"), {"password": NEW}).status_code == 302
    assert here.get(reverse("reports:worklist")).status_code == 200
    assert elsewhere.get(reverse("reports:worklist")).status_code == 302
    assert sign_in(Client(), doctor.user.email).status_code == 400
    fresh = Client()
    assert sign_in(fresh, doctor.user.email, NEW).status_code == 302
    assert is_signed_in(fresh)
    assert len(told(clinic, "account.password_changed")) == 1
    assert UserSession.objects.filter(user=doctor.user).count() <= 2


def test_a_new_password_ends_the_tokens_in_every_clinic(
    doctor: Any, technician: Any, clinic: Any, other_clinic: Any
) -> None:
    with acting_as("owner"):
        Membership.objects.create(user=doctor.user, clinic=other_clinic, role="doctor")
    elsewhere = Membership.objects.get(user=doctor.user, clinic=other_clinic)
    wanted = {"name": "Room 2", "wanted": ["read"], "days": 90}
    _token, text = tokens.issue(actor=doctor, **wanted)
    tokens.issue(actor=member_actor(elsewhere), **wanted)
    others, _text = tokens.issue(actor=technician, **wanted)
    bearer = {"Authorization": f"Token {text}"}
    assert Client(headers=bearer).get("/api/v1/worklist/").status_code == 200
    browser(doctor).post(reverse("change-password"), {"password": NEW})
    assert Client(headers=bearer).get("/api/v1/worklist/").status_code == 401
    assert list(ApiToken.objects.filter(revoked_at=None)) == [others]
    for place in (clinic, other_clinic):
        (event,) = told(place, "account.token_revoked")
        assert event.actor_id == doctor.user.pk


@pytest.mark.parametrize(
    "password",
    [
        "P@ssw0rd2024!!",
        "Football!!!!1",
        "1234512345123451",
        "aaaaaaaaaaaaa",
        "Dermaclinic-2026!",
        "melanoma clinic 1",
        "!!!sunshine!!!2026",
    ],
)
def test_frequent_passwords_in_disguise_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        DecoratedPasswordValidator().validate(password)


@pytest.mark.parametrize("password", [NEW, factories.PASSWORD, "kq7-vv2m-Lto9", "ab12-cd34-ef56"])
def test_passwords_of_some_length_and_thought_are_taken(password: str) -> None:
    DecoratedPasswordValidator().validate(password)


def test_passwords_are_kept_with_argon2id_and_older_ones_move_there(doctor: Any) -> None:
    with override_settings(PASSWORD_HASHERS=base.PASSWORD_HASHERS):
        assert isinstance(get_hashers()[0], Argon2PasswordHasher)
        doctor.user.set_password(factories.PASSWORD)
        assert doctor.user.password.startswith("argon2$argon2id$")
        doctor.user.password = get_hashers()[1].encode(factories.PASSWORD, "salt of the past")
        doctor.user.save(update_fields=["password"])
        assert sign_in(Client(), doctor.user.email).status_code == 302
        doctor.user.refresh_from_db()
        assert doctor.user.password.startswith("argon2$argon2id$")
