"""Memberships behind row-level security: seen before a context, written only in their clinic's."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from dermaclinic.accounts.models import Membership
from dermaclinic.accounts.tenancy import clinic_context
from tests import factories


def test_outside_of_a_context_rights_are_seen_and_not_changed(doctor: Any) -> None:
    assert Membership.objects.filter(user=doctor.user).count() == 1
    assert Membership.objects.update(role="administrator") == 0
    assert Membership.objects.get(user=doctor.user).role == "doctor"


def test_a_context_changes_the_rights_of_its_own_clinic_only(doctor: Any, stranger: Any) -> None:
    with clinic_context(stranger.clinic_id):
        assert Membership.objects.update(is_active=False) == 1
    assert Membership.objects.get(user=doctor.user).is_active
    assert not Membership.objects.get(user=stranger.user).is_active


def test_nobody_joins_a_clinic_from_another_ones_context(doctor: Any, other_clinic: Any) -> None:
    joins = Membership(user=doctor.user, clinic=other_clinic, role="administrator")
    with (
        clinic_context(doctor.clinic_id),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        joins.save(force_insert=True)
    assert Membership.objects.filter(clinic=other_clinic).count() == 0


def test_a_membership_cannot_be_moved_to_another_clinic(clinic: Any, other_clinic: Any) -> None:
    member = factories.membership(clinic, "technician")
    with (
        clinic_context(clinic.pk),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        Membership.objects.filter(pk=member.pk).update(clinic=other_clinic)
    assert Membership.objects.get(pk=member.pk).clinic == clinic
