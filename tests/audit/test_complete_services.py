"""Every service and selector: whoever opens one and touches patient data leaves an event."""

from typing import Any

import pytest
from django.db.models import QuerySet

from dermaclinic.accounts.tenancy import NoClinicContext, clinic_context
from tests.audit.doors import CALLS, PARTS, UNCALLED, Given, doors, function
from tests.audit.observing import Seen, observed
from tests.permissions.conftest import matrix as matrix
from tests.permissions.matrix import Matrix, rolled_back


@pytest.mark.django_db
def test_every_door_is_walked() -> None:
    there = doors()
    assert len(there) > 50
    assert there - set(CALLS) - set(UNCALLED) == set(), "a door without a call in doors.py"
    assert set(CALLS) | set(UNCALLED) <= there
    assert set(PARTS) <= set(CALLS)


def walk(matrix: Matrix, name: str) -> Seen:
    """Open a door from outside, or, where it has no context of its own, inside the clinic's."""
    scene = matrix.scene
    with clinic_context(scene.clinic.pk):
        positional, named = CALLS[name](scene, Given(scene))

    def call() -> None:
        found = function(name)(*positional, **named)
        if isinstance(found, QuerySet):
            list(found)

    with rolled_back(), observed() as seen:
        try:
            call()
        except NoClinicContext:
            with clinic_context(scene.clinic.pk):
                call()
    return seen


@pytest.mark.parametrize("name", CALLS)
def test_a_door_tells_what_it_touched(matrix: Matrix, name: str, settings: Any) -> None:
    settings.VAULT_DIR = matrix.vault
    seen = walk(matrix, name)
    if name in PARTS:
        assert seen.events == 0, "an exception that is none any more"
    else:
        assert seen.silent == set()
        assert seen.events
