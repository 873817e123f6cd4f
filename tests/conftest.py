"""Fixtures of the whole suite: one test database, people in two clinics, an empty vault.

The schema is made by the owner; the tests themselves act as `dermaclinic_web`, so that every one
of them runs behind row-level security. Where a test plays another role, `acting_as` does so.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.test import TransactionTestCase

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.models import Clinic, ClinicSettings
from tests import database, factories
from tests.discretion import heard, nobody_is_named

__all__ = ["heard", "nobody_is_named"]  # fixtures of every test: no log names a patient

# Django empties the database with a plain TRUNCATE, which the audit rightly refuses.
TransactionTestCase._fixture_teardown = lambda self: database.empty()


# What waits for browsers, workers and whole processes; `make test` runs it beside the rest.
HOUSE = {"e2e", "faults", "workers", "backup"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands for the house as a whole, so that it can be chosen."""
    here = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        if room in HOUSE or item.get_closest_marker("faults"):
            item.add_marker("house")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Make the test database as the owner of the schema."""
    database.use_role("owner")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """After the migrations, everything acts as web."""
    with django_db_blocker.unblock():
        database.use_role("web")
        yield
        database.use_role("owner")


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_drawn() -> Iterator[None]:
    """Ids are random here: whom chance would have read twice is the business of a test that asks.

    A clinic that has set nothing draws no sample for the second reader.
    """
    share = ClinicSettings._meta.get_field("second_read_share")
    with mock.patch.object(share, "_get_default", return_value=0.0):
        yield


@pytest.fixture(autouse=True)
def _own_vault(settings: Any, tmp_path: Path) -> None:
    settings.VAULT_DIR = tmp_path / "vault"


@pytest.fixture
def clinic(db: None) -> Clinic:
    return factories.clinic("Nordlicht Test Clinic")


@pytest.fixture
def other_clinic(db: None) -> Clinic:
    return factories.clinic("Suedwind Test Clinic")


@pytest.fixture
def technician(clinic: Clinic) -> Actor:
    return factories.actor(clinic, "technician")


@pytest.fixture
def doctor(clinic: Clinic) -> Actor:
    return factories.actor(clinic, "doctor")


@pytest.fixture
def administrator(clinic: Clinic) -> Actor:
    return factories.actor(clinic, "administrator")


@pytest.fixture
def stranger(other_clinic: Clinic) -> Actor:
    """A doctor of the other clinic."""
    return factories.actor(other_clinic, "doctor")
