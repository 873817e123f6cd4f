"""A failed sign-in is told to the clinics of the person whose account it was."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit import selectors
from dermaclinic.audit.models import Event
from tests import factories
from tests.database import acting_as

pytestmark = pytest.mark.django_db


def fail(email: str) -> None:
    response = Client().post(reverse("sign-in"), {"email": email, "password": "not the password"})
    assert response.status_code == 400


def told(clinic: Any) -> list[Event]:
    with clinic_context(clinic.pk):
        return list(
            Event.objects.filter(action="account.sign_in_failed", clinic=clinic).order_by("id")
        )


def unassigned() -> int:
    with acting_as("sealer"):
        return Event.objects.filter(action="account.sign_in_failed", clinic=None).count()


def test_every_clinic_of_the_person_is_told(clinic: Any, other_clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    with acting_as("owner"):
        Membership.objects.create(user=member.user, clinic=other_clinic, role="doctor")
    fail(member.user.email.upper())
    for each in (clinic, other_clinic):
        (event,) = told(each)
        assert event.detail == {"account": str(member.user_id)}
        assert (event.outcome, event.actor_id, event.address) == ("failure", None, "127.0.0.1")
    assert unassigned() == 0


def test_the_administrator_sees_it(administrator: Any, clinic: Any) -> None:
    member = factories.membership(clinic, "technician")
    fail(member.user.email)
    page = selectors.events(actor=administrator, filters={"action": "account.sign_in_failed"})
    assert [event.detail for event in page.events] == [{"account": str(member.user_id)}]


def test_a_clinic_that_the_person_has_left_is_not_told(clinic: Any, other_clinic: Any) -> None:
    member = factories.membership(clinic, "doctor")
    with acting_as("owner"):
        Membership.objects.create(
            user=member.user, clinic=other_clinic, role="doctor", is_active=False
        )
    fail(member.user.email)
    assert len(told(clinic)) == 1
    assert told(other_clinic) == []


def test_an_unknown_account_belongs_to_no_clinic(clinic: Any) -> None:
    fail("nobody@clinic.example")
    assert told(clinic) == []
    assert unassigned() == 1
