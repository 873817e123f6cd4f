"""Passkeys without a browser, so that the authenticator can cheat."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.models import Membership, User
from tests.accounts.authenticator import Authenticator
from tests.accounts.signing_in import is_signed_in, member, sign_in, told
from tests.database import acting_as

pytestmark = pytest.mark.django_db
DOOR = "/sign-in/passkey/"


def at_localhost() -> Client:
    return Client(HTTP_HOST="localhost")


def enrol(client: Client, authenticator: Authenticator, *, name: str = "Blue key") -> Any:
    page = client.get(reverse("factor-passkey"))
    answer = {"name": name, "credential": authenticator.creates(page.context["options"])}
    return client.post(reverse("factor-passkey"), answer)


@pytest.fixture
def person(clinic: Any) -> Membership:
    return member(clinic)


@pytest.fixture
def key(person: Membership) -> Authenticator:
    """A passkey that this person has enrolled."""
    made = Authenticator()
    client = at_localhost()
    sign_in(client, person.user.email)
    assert len(enrol(client, made).context["codes"]) == 10
    return made


def through_the_door(client: Client, authenticator: Authenticator) -> Any:
    options = client.get(DOOR).json()["options"]
    return client.post(DOOR, {"credential": authenticator.answers(options)})


def test_it_opens_the_door_alone(key: Authenticator, person: Membership, clinic: Any) -> None:
    client = at_localhost()
    assert through_the_door(client, key).url == reverse("home")
    assert client.session["_auth_user_id"] == str(person.user_id)
    assert told(clinic, "account.signed_in")[-1].detail == {"how": "webauthn"}
    assert told(clinic, "account.factor_used")[-1].detail == {"kind": "webauthn", "for": "door"}


def test_one_that_did_not_check_its_holder_is_a_second_factor_only(
    key: Authenticator, person: Membership
) -> None:
    key.verifies = False
    client = at_localhost()
    assert through_the_door(client, key).status_code == 400
    assert not is_signed_in(client)
    sign_in(client, person.user.email)
    page = client.get(reverse("sign-in-factor"))
    credential = key.answers(page.context["offers"].challenge)
    assert client.post(reverse("sign-in-factor"), {"credential": credential}).status_code == 302
    assert is_signed_in(client)


def test_a_challenge_is_answered_once(key: Authenticator) -> None:
    client = at_localhost()
    options = client.get(DOOR).json()["options"]
    answer = key.answers(options)
    assert client.post(DOOR, {"credential": answer}).status_code == 302
    client.post(reverse("sign-out"))
    assert client.post(DOOR, {"credential": answer}).status_code == 400
    # Nor is one after a wrong answer, nor in another session.
    options = client.get(DOOR).json()["options"]
    assert client.post(DOOR, {"credential": Authenticator().answers(options)}).status_code == 400
    assert client.post(DOOR, {"credential": key.answers(options)}).status_code == 400
    assert at_localhost().post(DOOR, {"credential": key.answers(options)}).status_code == 400
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://evil.example"},
        {"origin": "https://localhost.evil.example"},
        {"rp_id": "evil.example"},
        {"key": Authenticator().key},
        {"credential_id": b"unknown"},
        {"counter": -1},
    ],
    ids=lambda lie: "-".join(lie),
)
def test_an_answer_that_does_not_fit_opens_nothing(
    key: Authenticator, clinic: Any, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(key, name, value)
    client = at_localhost()
    assert through_the_door(client, key).status_code == 400
    assert not is_signed_in(client)
    assert told(clinic, "account.factor_failed")[-1].detail["kind"] == "webauthn"


def test_a_copy_is_noticed_by_its_counter(key: Authenticator, clinic: Any) -> None:
    assert through_the_door(at_localhost(), key).status_code == 302
    assert key.counter is not None
    key.counter -= 1  # the copy has counted as far as it had when it was made
    client = at_localhost()
    assert through_the_door(client, key).status_code == 400
    assert not is_signed_in(client)
    assert len(told(clinic, "account.factor_failed")) == 1


def test_one_that_does_not_count_is_taken(person: Membership) -> None:
    shared = Authenticator(counter=None)
    client = at_localhost()
    sign_in(client, person.user.email)
    enrol(client, shared)
    for _ in range(2):
        assert through_the_door(at_localhost(), shared).status_code == 302


@pytest.mark.parametrize("credential", ["", "no json", "[]", "{}", '{"response": 1}', "null"])
def test_rubbish_is_refused_calmly(clinic: Any, credential: str) -> None:
    client = at_localhost()
    client.get(DOOR)
    answer = client.post(DOOR, {"credential": credential})
    assert answer.status_code == 400
    assert "passkey" in answer.content.decode()
    assert not is_signed_in(client)


def test_a_person_who_works_nowhere_is_turned_away(key: Authenticator, person: Membership) -> None:
    with acting_as("owner"):
        Membership.objects.filter(pk=person.pk).update(is_active=False)
    client = at_localhost()
    assert through_the_door(client, key).status_code == 400
    with acting_as("owner"):
        Membership.objects.filter(pk=person.pk).update(is_active=True)
        User.objects.filter(pk=person.user_id).update(is_active=False)
    assert through_the_door(client, key).status_code == 400
    assert not is_signed_in(client)


def test_somebody_elses_passkey_is_no_second_factor(key: Authenticator, clinic: Any) -> None:
    other = member(clinic)
    client = at_localhost()
    sign_in(client, other.user.email)
    enrol(client, Authenticator(), name="Mine")
    client.post(reverse("sign-out"))
    sign_in(client, other.user.email)
    page = client.get(reverse("sign-in-factor"))
    credential = key.answers(page.context["offers"].challenge)
    answer = client.post(reverse("sign-in-factor"), {"credential": credential})
    assert answer.status_code == 400
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "lie", [{"origin": "http://evil.example"}, {"rp_id": "evil.example"}], ids=str
)
def test_a_passkey_made_elsewhere_is_not_enrolled(person: Membership, lie: dict[str, Any]) -> None:
    client = at_localhost()
    sign_in(client, person.user.email)
    assert enrol(client, Authenticator(**lie)).status_code == 400
    assert enrol(client, Authenticator(), name="").status_code == 400
    assert not Row.objects.exists()


def test_there_is_an_end_to_how_many(person: Membership) -> None:
    client = at_localhost()
    sign_in(client, person.user.email)
    for number in range(10):
        enrol(client, Authenticator(), name=f"Key {number}")
    assert enrol(client, Authenticator()).status_code == 409
    assert Row.objects.filter(type="webauthn").count() == 10
