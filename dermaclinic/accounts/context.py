"""What every template knows: the actor, the clinic, and how the person likes to work."""

from typing import Any

from django.http import HttpRequest

from dermaclinic.accounts import idle, preferences
from dermaclinic.accounts.models import Clinic


def actor(request: HttpRequest) -> dict[str, Any]:
    """`actor` and `clinic`, both None before sign-in; `preferences` after it."""
    found = getattr(request, "actor", None)
    if not found:
        return {"actor": None, "clinic": None}
    return {
        "actor": found,
        "clinic": Clinic.objects.get(pk=found.clinic_id),
        "preferences": preferences.on_request(request),
        "idle_seconds": idle.minutes(request) * 60,
    }
