"""Browsers of each role, and what pages left in the database."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from tests import factories

# A page that asks by itself does not write down that somebody was seen, whose cost is not a page's.
UNATTENDED = {"X-Background": "true"}


def browser(actor: Actor) -> Client:
    """Signed in as the actor just now, by password, without going through the door."""
    client = Client()
    client.force_login(factories.user(actor))
    session = client.session
    session["clinic"] = str(actor.clinic_id)
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(factories.user(actor).pk)
    session.save()
    UserSession.objects.create(
        user=factories.user(actor), session_key=session.session_key, ip="127.0.0.1", user_agent=""
    )
    return client


def grown_stale(client: Client) -> Client:
    """The same browser ten minutes later: what is worth it asks anew who sits there."""
    session = client.session
    for proof in session["account_authentication_methods"]:
        proof["at"] -= 600
    session.save()
    return client


@pytest.fixture
def at_desk(technician: Actor) -> Client:
    """A technician's browser."""
    return browser(technician)


@pytest.fixture
def doctors(doctor: Actor) -> Client:
    return browser(doctor)


@pytest.fixture
def administrators(administrator: Actor) -> Client:
    return browser(administrator)


@pytest.fixture
def strangers(stranger: Actor) -> Client:
    """A doctor's browser in the other clinic."""
    return browser(stranger)


@pytest.fixture
def rows(clinic: Any) -> Callable[..., list[Any]]:
    """Rows of the clinic, as a list: `rows(Model, field=value)`; events in their order."""

    def found(model: Any, **lookup: Any) -> list[Any]:
        with clinic_context(clinic.pk):
            there = model.objects.filter(**lookup)
            return list(there.order_by("id") if model is Event else there)

    return found
