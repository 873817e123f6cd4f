"""What a token may do: its scopes, its time, and never more than its member."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from dermaclinic.accounts import scopes
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ApiToken, Membership, Scope
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from patients.models import Patient
from tests import factories
from tests.api.calling import V1, count, problem
from tests.database import acting_as

PATIENT = {
    "mrn": "A-1", "family_name": "Muster", "given_name": "Eva", "birth_date": "1980-02-29",
    "sex": "female",
}  # fmt: skip
BEFORE_ANYBODY_IS_KNOWN = {"auth/token/"}


def client_with(actor: Actor, **fields: Any) -> APIClient:
    membership = Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)
    _token, text = ApiToken.issue(membership, **fields)
    client = APIClient()
    client.default_format = "json"
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def events(actor: Actor, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def test_a_token_without_the_scope_changes_nothing(technician: Actor) -> None:
    client = client_with(technician, scopes=["read", "write:images"])
    answer = client.post(f"{V1}/patients/", PATIENT)
    assert "write:patients" in problem(answer, 403)["detail"]
    assert count(technician, Patient) == 0
    (event,) = events(technician, "account.token_out_of_scope")
    assert event.detail == {"lacks": "write:patients", "scopes": ["read", "write:images"]}
    assert event.outcome == "denied"


def test_a_token_with_the_scope_does_it(technician: Actor) -> None:
    client = client_with(technician, scopes=["write:patients"])
    answer = client.post(f"{V1}/patients/", PATIENT)
    assert answer.status_code == 201
    problem(client.get(f"{V1}/patients/{answer.json()['id']}/"), 403)
    problem(client.post(f"{V1}/patients/search/", {"q": "Muster"}), 403)


def test_a_search_is_reading(technician: Actor) -> None:
    factories.patient(technician)
    client = client_with(technician, scopes=["read"])
    answer = client.post(f"{V1}/patients/search/", {"q": "Testperson"})
    assert answer.status_code == 200


def test_a_scope_adds_no_right(technician: Actor) -> None:
    client = client_with(technician, scopes=[*Scope.values])
    problem(client.get(f"{V1}/worklist/"), 403)
    problem(client.get(f"{V1}/audit/events/"), 403)


@pytest.mark.parametrize("state", ["expired", "revoked", "inactive"])
def test_a_token_that_no_longer_holds_is_nobodys_and_on_record(
    technician: Actor, state: str
) -> None:
    client = client_with(technician)
    with acting_as("owner"):
        past = timezone.now() - timedelta(seconds=1)
        if state == "inactive":
            Membership.objects.filter(user=technician.user).update(is_active=False)
        else:
            ended = {"expired": "expires_at", "revoked": "revoked_at"}[state]
            ApiToken.objects.update(**{ended: past})
    problem(client.post(f"{V1}/patients/", PATIENT), 401)
    assert count(technician, Patient) == 0
    (event,) = events(technician, "account.token_refused")
    assert event.detail == {"reason": state}
    assert event.actor_id == technician.person.pk


def test_the_last_use_is_seen_and_written_once_a_minute(technician: Actor) -> None:
    client = client_with(technician)
    before = ApiToken.objects.get()
    assert before.last_used_at is None
    client.get(f"{V1}/quarantine/", REMOTE_ADDR="192.0.2.9")
    first = ApiToken.objects.get()
    assert first.last_used_at is not None
    assert first.last_used_address == "192.0.2.9"
    client.get(f"{V1}/quarantine/", REMOTE_ADDR="192.0.2.10")
    assert ApiToken.objects.get().last_used_address == "192.0.2.9"
    with acting_as("owner"):
        ApiToken.objects.update(last_used_at=first.last_used_at - timedelta(minutes=2))
    client.get(f"{V1}/quarantine/", REMOTE_ADDR="192.0.2.10")
    assert ApiToken.objects.get().last_used_address == "192.0.2.10"


def test_the_door_gives_a_token_of_every_scope_for_half_a_day(
    as_nobody: APIClient, technician: Actor
) -> None:
    body = {"email": technician.person.email, "password": factories.PASSWORD}
    assert as_nobody.post(f"{V1}/auth/token/", body).status_code == 200
    token = ApiToken.objects.get()
    assert set(token.scopes) == set(Scope.values)
    assert abs(token.expires_at - token.created_at - timedelta(hours=12)) < timedelta(seconds=5)


def api_views() -> Iterator[tuple[str, set[str]]]:
    """The addresses below api/v1/, as the scopes' table writes them, with their methods."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, set[str]]]:
        for each in patterns:
            route = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, route)
            elif isinstance(each, URLPattern) and route.startswith("api/v1/"):
                view = getattr(each.callback, "cls", None)
                allowed = {m.upper() for m in view.http_method_names if hasattr(view, m)}
                yield scopes.path_of(route).removeprefix("api/v1/"), allowed

    yield from walk(get_resolver().url_patterns, "")


def test_every_call_that_changes_something_has_a_scope() -> None:
    unsafe = {
        (method, path)
        for path, methods in api_views()
        for method in methods - {"GET", "HEAD", "OPTIONS"}
        if path not in BEFORE_ANYBODY_IS_KNOWN
    }
    assert unsafe == set(scopes.CALLS)


def test_a_call_without_a_scope_takes_no_token(
    technician: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(scopes.CALLS, ("POST", "patients/"))
    client = client_with(technician)
    assert "session" in problem(client.post(f"{V1}/patients/", PATIENT), 403)["detail"]
    assert count(technician, Patient) == 0


def test_the_document_names_the_scope_of_each_call(client: Any) -> None:
    import yaml

    document = yaml.safe_load(client.get("/api/schema/").content)
    found = {
        (method.upper(), path.removeprefix("/api/v1/")): operation.get("x-token-scope")
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert found.pop(("POST", "auth/token/")) is None
    assert found["POST", "reports/{report_id}/sign/"] == "sign"
    assert found["GET", "worklist/"] == "read"
    assert None not in found.values()
