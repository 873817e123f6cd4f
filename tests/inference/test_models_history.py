"""Back to an earlier model, or out of service: on record in every clinic, and kept for good."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.audit.models import Event
from dermaclinic.errors import Conflict, Forbidden
from inference import registry
from inference.models import ModelChange, ModelVersion
from inference.services import models
from tests import opinions
from tests.database import acting_as


def events(actor: Any, action: str) -> list[Event]:
    with clinic_context(actor.clinic_id):
        return list(Event.objects.filter(action=action).order_by("id"))


def active() -> list[ModelVersion]:
    return list(ModelVersion.objects.filter(active=True))


def told() -> list[tuple[str, str, str | None]]:
    rows = ModelChange.objects.order_by("pk").select_related("model", "previous")
    return [
        (row.action, row.model.version, row.previous.version if row.previous else None)
        for row in rows
    ]


def test_back_and_further_back(administrator: Any, stranger: Any) -> None:
    first, second, third = (opinions.model(str(number), active=number == 1) for number in (1, 2, 3))
    for model in (second, third):
        models.activate(actor=administrator, model_id=model.pk)
    assert models.roll_back(actor=administrator, model_id=third.pk) == second
    assert active() == [second]
    assert models.roll_back(actor=administrator, model_id=second.pk) == first
    assert active() == [first]
    with pytest.raises(Conflict, match="no version to roll back to"):
        models.roll_back(actor=administrator, model_id=first.pk)
    assert active() == [first]
    assert told() == [
        ("activated", "2", "1"),
        ("activated", "3", "2"),
        ("rolled_back", "2", "3"),
        ("rolled_back", "1", "2"),
    ]
    for actor in (administrator, stranger):
        there = events(actor, "model.rolled_back")
        assert [event.object_id for event in there] == [str(second.pk), str(first.pk)]
        assert there[0].detail == {"sha256": second.sha256, "from": str(third.pk)}


def test_a_page_that_is_behind_rolls_nothing_back(administrator: Any) -> None:
    first, second = opinions.model("1"), opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=second.pk)
    models.roll_back(actor=administrator, model_id=second.pk)
    with pytest.raises(Conflict):
        models.roll_back(actor=administrator, model_id=second.pk)
    assert active() == [first]
    assert len(events(administrator, "model.rolled_back")) == 1


def test_activating_the_active_one_changes_nothing(administrator: Any) -> None:
    model = opinions.model()
    assert models.activate(actor=administrator, model_id=model.pk) == model
    assert told() == []
    assert events(administrator, "model.activated") == []


def test_out_of_service_and_never_rolled_back_to(administrator: Any) -> None:
    first, second = opinions.model("1"), opinions.model("2", active=False)
    third = opinions.model("3", active=False)
    models.activate(actor=administrator, model_id=second.pk)
    models.deactivate(actor=administrator, model_id=second.pk)
    assert active() == []
    assert len(events(administrator, "model.deactivated")) == 1
    with pytest.raises(Conflict, match="does not answer"):
        models.deactivate(actor=administrator, model_id=second.pk)
    models.activate(actor=administrator, model_id=third.pk)
    assert models.roll_back(actor=administrator, model_id=third.pk) == first
    assert active() == [first]


@pytest.mark.parametrize("role", ["doctor", "technician"])
def test_nobody_else_changes_anything(request: Any, administrator: Any, role: str) -> None:
    actor = request.getfixturevalue(role)
    opinions.model("1")
    second = opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=second.pk)
    for change in (models.roll_back, models.deactivate):
        with pytest.raises(Forbidden):
            change(actor=actor, model_id=second.pk)
    assert active() == [second]
    assert len(told()) == 1


def test_the_history_cannot_be_changed(administrator: Any) -> None:
    opinions.model("1")
    second = opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=second.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # foreign keys: else no TRUNCATE is tried
    for sql in (
        "UPDATE inference_modelchange SET action = 'shadowed'",
        "DELETE FROM inference_modelchange",
        "TRUNCATE inference_modelchange",
    ):
        with (
            acting_as("owner"),
            pytest.raises(IntegrityError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
    assert told() == [("activated", "2", "1")]


def test_people_of_other_clinics_are_not_named(administrator: Any, stranger: Any) -> None:
    opinions.model("1")
    second = opinions.model("2", active=False)
    models.activate(actor=administrator, model_id=second.pk)
    with acting_as("owner"):
        models.activate_as_owner(model_id=ModelVersion.objects.get(version="1").pk)
    assert [entry.who for entry in registry.history(administrator)] == [
        "whoever runs the server",
        administrator.name,
    ]
    assert [entry.who for entry in registry.history(stranger)] == [
        "whoever runs the server",
        "an administrator of another clinic",
    ]
