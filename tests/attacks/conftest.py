"""A clinic that somebody attacks, whose every text is hostile; and its people."""

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
from tests.permissions.conftest import matrix
from tests.permissions.matrix import Matrix
from tests.permissions.scene import Scene
from tests.reports import scenes

__all__ = ["matrix"]
MARK = "qzx7"
HOSTILE = f"\"><script>{MARK}()</script><img src=x onerror={MARK}()>{{{{7*7}}}}'--"
FORMULA = f"=cmd|'/c {MARK}'!A1"


@pytest.fixture(autouse=True)
def _vault_of_the_scene(request: pytest.FixtureRequest, settings: Any, _own_vault: None) -> None:
    """A test that plays in a scene opens the scene's vault."""
    for name in {"matrix", "hostile"} & set(request.fixturenames):
        settings.VAULT_DIR = request.getfixturevalue(name).vault


@pytest.fixture(scope="module")
def hostile(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Matrix]:
    """The matrix's clinic, in which people, patients, lesions and reasons are named by HOSTILE."""
    folder: Path = tmp_path_factory.mktemp("hostile") / "vault"
    changed = override_settings(VAULT_DIR=folder, AUDIT_DENIALS_DATABASE="denials")
    with (
        django_db_blocker.unblock(),
        changed,
        mock.patch.object(bell, "ring_now"),
        pytest.MonkeyPatch.context() as patch,
    ):
        _name_everything(patch)
        connections["denials"] = connection.copy(alias="denials")
        try:
            with transaction.atomic(), transaction.atomic(using="denials"):
                scene = Scene(factories.clinic(f"Clinic {HOSTILE}"), draw(SPEC, seed=1))
                yield Matrix(scene, everybody(scene, factories.clinic("Elsewhere")), folder)
                transaction.set_rollback(True)
                transaction.set_rollback(True, using="denials")
        finally:
            connections["denials"].close()
            del connections["denials"]


def _name_everything(patch: pytest.MonkeyPatch) -> None:
    patient, lesion, assess = factories.patient, factories.lesion, scenes.assess
    membership = factories.membership
    names = {"family_name": HOSTILE, "given_name": FORMULA}

    def hostile_patient(actor: Any, **said: Any) -> Any:
        own = {} if "mrn" in said else names  # the held image's names are compared
        return patient(actor, **(own | said))

    patch.setattr(factories, "patient", hostile_patient)
    patch.setattr(
        factories,
        "lesion",
        lambda actor, of, **said: lesion(actor, of, **({"note": HOSTILE} | said)),
    )
    patch.setattr(
        scenes,
        "assess",
        lambda *who, **said: assess(*who, **(said | {"reason": HOSTILE, "comment": HOSTILE})),
    )
    patch.setattr(
        factories,
        "membership",
        lambda clinic, role, **said: membership(clinic, role, **({"full_name": HOSTILE} | said)),
    )
