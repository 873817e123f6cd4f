"""Signing in through a hospital's identity provider: who comes in, as what, and which lies fail."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts import invitations
from dermaclinic.accounts.models import Membership, User
from tests import factories
from tests.accounts.identity_provider import CLIENT, SECRET, IdentityProvider, running
from tests.accounts.signing_in import (
    code_of,
    is_signed_in,
    member,
    requiring,
    sign_in,
    told,
    with_app,
)
from tests.database import acting_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def hospital(settings: Any, clinic: Any) -> Iterator[IdentityProvider]:
    with running() as provider:
        settings.OIDC_ISSUER = provider.issuer
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
        settings.OIDC_NAME = "Test hospital"
        settings.OIDC_CLINIC = clinic.pk
        yield provider


def is_person(hospital: IdentityProvider, person: Membership, **more: Any) -> None:
    hospital.claims = {
        "sub": f"subject of {person.user.email}",
        "email": person.user.email.upper(),
        "email_verified": True,
        **more,
    }


def through(client: Client, hospital: IdentityProvider, *, follow: str = "") -> Any:
    """The whole way: to the provider, and back with its code."""
    off = client.get(reverse("sign-in-provider") + follow)
    return client.get(hospital.signs_in(off.url))


def refused(clinic: Any) -> list[str]:
    return [each.detail["reason"] for each in told(clinic, "account.identity_refused")]


def test_a_member_comes_in_by_the_verified_e_mail_and_is_tied(
    hospital: IdentityProvider, clinic: Any
) -> None:
    person = member(clinic)
    is_person(hospital, person)
    client = Client()
    planted = client.session
    planted["planted"] = True
    planted.save()
    wanted = reverse("imaging:held")
    answer = through(client, hospital, follow=f"?next={wanted}")
    assert answer.url == wanted
    assert client.session.session_key != planted.session_key
    assert client.get(wanted).status_code == 200
    (link,) = SocialAccount.objects.all()
    assert (link.user_id, link.extra_data) == (person.user_id, {})
    assert [each.detail for each in told(clinic, "account.signed_in")] == [{"how": "provider"}]
    assert len(told(clinic, "account.identity_linked")) == 1
    asked = hospital.asked[0]
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")


def test_from_then_on_only_the_subject_counts(hospital: IdentityProvider, clinic: Any) -> None:
    person, other = member(clinic), member(clinic)
    is_person(hospital, person)
    through(Client(), hospital)
    hospital.claims["email"] = other.user.email  # renamed there
    client = Client()
    through(client, hospital)
    assert client.session["_auth_user_id"] == str(person.user_id)
    hospital.claims = {**hospital.claims, "sub": "somebody else", "email": person.user.email}
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)
    assert refused(clinic) == ["another subject has this account"]


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_unverified_e_mail_ties_nothing(
    hospital: IdentityProvider, clinic: Any, verified: Any
) -> None:
    is_person(hospital, member(clinic), email_verified=verified)
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()
    assert refused(clinic) == ["e-mail not verified"]


def test_nobody_is_made_a_member_by_the_provider(
    hospital: IdentityProvider, clinic: Any, other_clinic: Any
) -> None:
    people = User.objects.count()
    hospital.claims = {"sub": "1", "email": "new@clinic.example", "email_verified": True}
    assert through(Client(), hospital).status_code == 403
    # Nor does the provider of one clinic speak for the members of another.
    is_person(hospital, member(other_clinic))
    assert through(Client(), hospital).status_code == 403
    former = member(clinic)
    with acting_as("owner"):
        Membership.objects.filter(pk=former.pk).update(is_active=False)
    is_person(hospital, former)
    assert through(Client(), hospital).status_code == 403
    assert User.objects.count() == people + 2
    assert not SocialAccount.objects.exists()
    assert refused(clinic) == ["nobody by this e-mail", "no member"]
    assert refused(other_clinic) == ["no member"]


def test_who_works_elsewhere_too_gets_only_this_clinic(
    hospital: IdentityProvider, clinic: Any, other_clinic: Any
) -> None:
    person = member(clinic)
    with acting_as("owner"):
        second = Membership.objects.create(user=person.user, clinic=other_clinic, role="doctor")
    is_person(hospital, person)
    client = Client()
    through(client, hospital)
    assert client.session["clinic"] == str(clinic.pk)
    answer = client.post(reverse("choose-clinic"), {"membership": str(second.pk)})
    assert answer.status_code == 404
    assert client.session["clinic"] == str(clinic.pk)


LIES: list[dict[str, Any]] = [
    {"nonce": "of another request"},
    {"aud": "another client"},
    {"iss": "https://another.example"},
    {"exp": 1},
    {"azp": "another client"},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_a_token_for_another_purpose_opens_nothing(
    hospital: IdentityProvider, clinic: Any, lie: dict[str, Any]
) -> None:
    is_person(hospital, member(clinic))
    hospital.lies = lie
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)
    assert refused(clinic) == ["protocol"]


@pytest.mark.parametrize(
    ("algorithm", "forged"), [("RS256", True), ("HS256", False), ("none", False)]
)
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    hospital: IdentityProvider, clinic: Any, algorithm: str, forged: bool
) -> None:
    is_person(hospital, member(clinic))
    hospital.algorithm, hospital.forged = algorithm, forged
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)


def test_a_forged_state_opens_nothing(hospital: IdentityProvider, clinic: Any) -> None:
    is_person(hospital, member(clinic))
    victim, attacker = Client(), Client()
    way_back = hospital.signs_in(attacker.get(reverse("sign-in-provider")).url)
    assert victim.get(way_back).status_code == 403  # somebody else's answer, slipped in
    assert not is_signed_in(victim)
    assert victim.get(reverse("sign-in-provider-callback")).status_code == 403
    # The one who asked gets in with it, once.
    assert attacker.get(way_back).status_code == 302
    assert Client().get(way_back).status_code == 403


def test_roles_come_from_the_claim(hospital: IdentityProvider, clinic: Any, settings: Any) -> None:
    settings.OIDC_ROLE_CLAIM = "realm_access.roles"
    settings.OIDC_ROLES = {"derm-it": "administrator", "derm-physician": "doctor"}
    person = member(clinic, "technician")
    is_person(hospital, person, realm_access={"roles": ["derm-physician", "canteen"]})
    client = Client()
    through(client, hospital)
    assert client.get(reverse("home")).url == reverse("reports:worklist")
    (event,) = told(clinic, "account.role_mapped")
    assert event.detail == {"role": ["technician", "doctor"]}
    hospital.claims["realm_access"] = {"roles": ["canteen"]}
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)
    person.refresh_from_db()
    assert person.role == "doctor"
    assert refused(clinic) == ["no role"]


def test_a_claim_does_not_change_roles_unless_it_is_configured(
    hospital: IdentityProvider, clinic: Any
) -> None:
    person = member(clinic, "technician")
    is_person(hospital, person, roles=["administrator"], role="administrator")
    client = Client()
    through(client, hospital)
    person.refresh_from_db()
    assert person.role == "technician"
    assert not told(clinic, "account.role_mapped")


def test_a_factor_of_ones_own_is_asked_for_unless_the_provider_saw_one(
    hospital: IdentityProvider, clinic: Any, administrator: Any
) -> None:
    requiring(administrator, "doctor")
    person = member(clinic)
    is_person(hospital, person)
    client = Client()
    through(client, hospital)
    assert client.get(reverse("home")).url == reverse("second-factors")
    secret = with_app(person.user)
    client = Client()
    assert through(client, hospital).url == reverse("sign-in-factor")
    assert not is_signed_in(client)
    client.post(reverse("sign-in-factor"), {"code": code_of(secret)})
    assert client.session["clinic"] == str(clinic.pk)
    assert client.session["only_clinic"] == str(clinic.pk)
    hospital.claims["amr"] = ["pwd", "mfa"]
    client = Client()
    assert through(client, hospital).url == reverse("home")
    assert client.get(reverse("reports:worklist")).status_code == 200


@pytest.mark.parametrize("amr", [[], ["mfa"]], ids=["plain", "mfa"])
def test_it_speaks_for_its_clinic_and_not_for_the_account(
    hospital: IdentityProvider, clinic: Any, other_clinic: Any, amr: list[str]
) -> None:
    person = member(clinic)
    is_person(hospital, person, amr=amr)
    client = Client()
    through(client, hospital)
    through(client, hospital, follow="?confirm=1")  # not even when asked anew
    inviting = factories.actor(other_clinic, "administrator")
    wanted = {"email": person.user.email, "role": "doctor"}
    _invitation, text = invitations.invite(actor=inviting, **wanted)
    link = reverse("invitation", args=[other_clinic.pk, text])
    for name in ("factor-app", "factor-passkey", "change-password"):
        asked = client.get(reverse(name)).url
        assert asked.startswith(reverse("confirm"))
        assert "Confirm with Test hospital" not in client.get(asked).content.decode()
    client.post(reverse("recovery-codes"))
    client.post(reverse("change-password"), {"password": "seven green herons by the lake"})
    assert client.post(link).status_code == 400
    person.user.refresh_from_db()
    assert person.user.check_password(factories.PASSWORD)
    assert not Authenticator.objects.exists()
    assert Membership.objects.filter(user=person.user).count() == 1
    # Whoever knows the account's own password may.
    client.post(reverse("confirm"), {"password": factories.PASSWORD})
    assert client.get(reverse("factor-app")).status_code == 200
    assert client.post(link).status_code == 302
    assert Membership.objects.filter(user=person.user).count() == 2


def test_the_account_of_a_factor_is_changed_by_that_factor(
    hospital: IdentityProvider, clinic: Any
) -> None:
    person = member(clinic)
    secret = with_app(person.user)
    is_person(hospital, person, amr=["mfa"])
    client = Client()
    through(client, hospital)
    (app,) = Authenticator.objects.all()
    client.post(reverse("factor-remove", args=[app.pk]))
    assert Authenticator.objects.count() == 1
    client.post(reverse("confirm"), {"code": code_of(secret)})
    client.post(reverse("factor-remove", args=[app.pk]))
    assert not Authenticator.objects.exists()


def ask_for_token(client: Client) -> Any:
    return client.post(reverse("account:tokens"), {"name": "x", "scopes": ["read"], "days": "7"})


def test_the_claim_does_not_take_a_clinics_last_administrator(
    hospital: IdentityProvider, clinic: Any, settings: Any
) -> None:
    settings.OIDC_ROLE_CLAIM, settings.OIDC_ROLES = "roles", {"physician": "doctor"}
    person = member(clinic, "administrator")
    is_person(hospital, person, roles=["physician"])
    client = Client()
    assert through(client, hospital).status_code == 403
    assert not is_signed_in(client)
    person.refresh_from_db()
    assert person.role == "administrator"
    assert not SocialAccount.objects.exists()
    assert refused(clinic) == ["last administrator"]
    assert not told(clinic, "account.role_mapped")
    member(clinic, "administrator")
    assert through(client, hospital).status_code == 302
    person.refresh_from_db()
    assert person.role == "doctor"


def test_one_may_confirm_there_what_one_began_there(
    hospital: IdentityProvider, clinic: Any
) -> None:
    person, other = member(clinic), member(clinic)
    is_person(hospital, person)
    client = Client()
    through(client, hospital)
    session = client.session
    for proof in session["account_authentication_methods"]:
        proof["at"] -= 600
    session.save()
    wanted = reverse("account:tokens")
    assert ask_for_token(client).url.startswith(reverse("confirm"))
    again = f"?confirm=1&next={wanted}"
    hospital.lies = {"auth_time": int(time.time()) - 3600}  # an old sign-in, passed on
    assert through(client, hospital, follow=again).status_code == 403
    hospital.lies = {}
    is_person(hospital, other)
    assert through(client, hospital, follow=again).status_code == 403
    assert ask_for_token(client).status_code == 302
    is_person(hospital, person)
    assert through(client, hospital, follow=again).url == wanted
    assert ask_for_token(client).status_code == 201
    assert hospital.asked[-1]["prompt"] == "login"
    assert client.session["_auth_user_id"] == str(person.user_id)


def test_without_a_provider_there_is_no_such_way(clinic: Any) -> None:
    client = Client()
    assert client.get(reverse("sign-in-provider")).status_code == 404
    assert client.get(reverse("sign-in-provider-callback")).status_code == 404
    assert "provider" not in client.get(reverse("sign-in")).content.decode()


def test_a_password_still_works_beside_it(hospital: IdentityProvider, clinic: Any) -> None:
    client = Client()
    assert "Sign in with Test hospital" in client.get(reverse("sign-in")).content.decode()
    assert sign_in(client, member(clinic).user.email).status_code == 302
