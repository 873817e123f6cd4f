"""What every template knows: the actor and the clinic."""

from typing import Any

from django.http import HttpRequest

from dermaclinic.accounts import idle
from dermaclinic.accounts.models import Clinic


def actor(request: HttpRequest) -> dict[str, Any]:
    """`actor` and `clinic`, both None before sign-in."""
    found = getattr(request, "actor", None)
    if not found:
        return {"actor": None, "clinic": None}
    return {
        "actor": found,
        "clinic": Clinic.objects.get(pk=found.clinic_id),
        "idle_seconds": idle.minutes(request) * 60,
    }
