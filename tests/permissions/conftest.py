"""The scene of the matrix, made once: one transaction, which is never committed.

Each request runs inside a savepoint of it and is rolled back, so that every one of the thousands
finds the same clinic. Denials go through a second connection, as in production, which keeps a
transaction of its own open: they survive the savepoint, and end with the module.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import connection, connections, transaction
from django.test import override_settings

from demo.dermoscopy import draw
from dermaclinic import bell
from tests import factories
from tests.imaging.taking import SPEC
from tests.permissions.callers import everybody
from tests.permissions.matrix import Matrix
from tests.permissions.scene import Scene


@pytest.fixture(scope="module")
def matrix(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Matrix]:
    folder: Path = tmp_path_factory.mktemp("matrix") / "vault"
    changed = override_settings(
        VAULT_DIR=folder,
        AUDIT_DENIALS_DATABASE="denials",
        ACCOUNT_REAUTHENTICATION_TIMEOUT=24 * 3600,  # on a slow machine, too
    )
    with django_db_blocker.unblock(), changed, mock.patch.object(bell, "ring_now"):
        connections["denials"] = connection.copy(alias="denials")
        try:
            with transaction.atomic(), transaction.atomic(using="denials"):
                scene = Scene(factories.clinic("Matrix Clinic"), draw(SPEC, seed=1))
                callers = everybody(scene, factories.clinic("Elsewhere Clinic"))
                yield Matrix(scene, callers, folder)
                transaction.set_rollback(True)
                transaction.set_rollback(True, using="denials")
        finally:
            connections["denials"].close()
            del connections["denials"]
