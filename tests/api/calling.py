"""Calling the API in a test: as a member with a token, and what a problem must look like."""

import uuid
from typing import Any

from rest_framework.test import APIClient

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import ApiToken, Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event

V1 = "/api/v1"
NOWHERE = uuid.UUID("00000000-0000-4000-8000-000000000000")


def as_member(actor: Actor) -> APIClient:
    """A client that calls with a token of the actor's membership; a body is sent as JSON."""
    membership = Membership.objects.get(user=actor.user, clinic_id=actor.clinic_id)
    _token, text = ApiToken.issue(membership)
    client = APIClient()
    client.default_format = "json"
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem that a refusal answers with; asserts its form."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:dermaclinic:problem:")
    assert body["title"] and body["detail"]
    return body


def errors(response: Any, status: int = 400) -> dict[str, Any]:
    """The sentences by field of a problem."""
    found: dict[str, Any] = problem(response, status)["errors"]
    return found


def actions(actor: Actor) -> list[str]:
    """What the clinic's audit says was done, oldest first."""
    with clinic_context(actor.clinic_id):
        return list(Event.objects.order_by("id").values_list("action", flat=True))


def count(actor: Actor, model: Any, **lookup: Any) -> int:
    """Rows of a table in the actor's clinic."""
    with clinic_context(actor.clinic_id):
        return int(model.objects.filter(**lookup).count())
