"""What a clinic sets of its own: by its administrator, on record, never changed afterwards."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from dermaclinic.accounts import clinic_settings
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden, Invalid
from inference.lens import Lens
from tests.database import acting_as

TARGETS = {"dermoscopy": {"mel": 0.95}}


def held(actor: Any) -> Any:
    with clinic_context(actor.clinic_id):
        return clinic_settings.current()


def held_at(actor: Any, moment: datetime) -> Any:
    with clinic_context(actor.clinic_id):
        return Lens.of().at(moment).held


def events(actor: Any) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action="clinic.settings_changed").order_by("at"))


def change(actor: Any, number: int = 0, **values: Any) -> ClinicSettings:
    wanted = {"prevalence": 0.02, "targets": TARGETS} | values
    return clinic_settings.change(actor=actor, number=number, **wanted)


def test_the_newest_holds_and_the_audit_tells_both(administrator: Any) -> None:
    assert held(administrator) is None
    first = change(administrator)
    second = change(administrator, 1, prevalence=None)
    assert held(administrator) == second
    assert (second.prevalence, second.targets) == (None, TARGETS)
    assert held_at(administrator, first.changed_at) == first
    assert held_at(administrator, first.changed_at - timedelta(seconds=1)) is None
    one, two = events(administrator)
    assert one.detail == {"prevalence": [None, 0.02], "targets": [{}, TARGETS]}
    assert two.detail == {"prevalence": [0.02, None], "targets": [TARGETS, TARGETS]}
    assert two.actor_id == administrator.user.pk


def test_setting_the_same_changes_nothing(administrator: Any) -> None:
    first = change(administrator)
    assert change(administrator, 1) == first
    assert len(events(administrator)) == 1


def test_two_at_once_do_not_undo_each_other(administrator: Any) -> None:
    first = change(administrator)
    with pytest.raises(Conflict):
        change(administrator, 0, prevalence=0.3)
    assert held(administrator) == first
    assert len(events(administrator)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"prevalence": 0.0009},
        {"prevalence": 0.61},
        {"targets": {"dermoscopy": {"mel": 0.4}}},
        {"targets": {"dermoscopy": {"mel": 1.0}}},
    ],
)
def test_what_cannot_be_meant_is_refused(administrator: Any, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        change(administrator, **values)
    assert held(administrator) is None
    assert events(administrator) == []


@pytest.mark.parametrize("prevalence", [0.001, 0.6])
def test_the_ends_of_what_can_be_meant(administrator: Any, prevalence: float) -> None:
    assert change(administrator, prevalence=prevalence).prevalence == prevalence


def test_only_an_administrator_changes_them(doctor: Any, technician: Any) -> None:
    for actor in (doctor, technician):
        with pytest.raises(Forbidden):
            change(actor)
    assert held(doctor) is None


def test_another_clinic_is_not_touched(administrator: Any, stranger: Any) -> None:
    change(administrator)
    assert held(stranger) is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_clinicsettings SET prevalence = 0.5",
        "DELETE FROM accounts_clinicsettings",
    ],
)
@pytest.mark.parametrize("role", ["web", "worker", "owner"])
def test_the_database_keeps_what_was_set(administrator: Any, role: str, sql: str) -> None:
    change(administrator)
    with (
        clinic_context(administrator.clinic_id),
        pytest.raises(DatabaseError, match=r"permission denied|never changed"),
        transaction.atomic(),
        acting_as(role),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert held(administrator).prevalence == 0.02
