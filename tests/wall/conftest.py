"""Two clinics whose rows are really committed: what an attacker's own connection would find."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import override_settings

from demo.dermoscopy import draw
from dermaclinic import bell
from dermaclinic.accounts.models import Clinic
from dermaclinic.accounts.wall import BY_MEMBERSHIP, patient_tables
from tests import database, factories
from tests.imaging.taking import SPEC
from tests.permissions.scene import Scene


@dataclass(frozen=True)
class TwoClinics:
    """`ours` has a row of nearly everything; `theirs`, the attacker's, a patient."""

    scene: Scene
    theirs: Clinic
    tables: list[str]  # of patient data, with a clinic_id

    @property
    def ours(self) -> Any:
        return self.scene.clinic.pk


@pytest.fixture(scope="module")
def clinics(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[TwoClinics]:
    folder = tmp_path_factory.mktemp("wall") / "vault"
    with (
        django_db_blocker.unblock(),
        override_settings(VAULT_DIR=folder),
        mock.patch.object(bell, "ring_now"),
    ):
        try:
            scene = Scene(factories.clinic("Wall Clinic"), draw(SPEC, seed=1))
            theirs = factories.clinic("Elsewhere Clinic")
            factories.patient(factories.actor(theirs, "doctor"))
            tables = set(patient_tables(connection)) - BY_MEMBERSHIP
            yield TwoClinics(scene, theirs, sorted(tables))
        finally:
            database.empty()
