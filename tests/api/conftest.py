"""Callers in each role, and the outsiders."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.calling import as_member


@pytest.fixture
def as_technician(technician: Any) -> APIClient:
    return as_member(technician)


@pytest.fixture
def as_doctor(doctor: Any) -> APIClient:
    return as_member(doctor)


@pytest.fixture
def as_administrator(administrator: Any) -> APIClient:
    return as_member(administrator)


@pytest.fixture
def as_stranger(stranger: Any) -> APIClient:
    """A doctor of the other clinic."""
    return as_member(stranger)


@pytest.fixture
def as_nobody(db: None) -> APIClient:
    client = APIClient()
    client.default_format = "json"
    return client
