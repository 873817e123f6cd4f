"""A picture, as a drawing and as a JPEG, and a visit to upload it to."""

from typing import Any

import pytest

from demo.dermoscopy import draw
from tests import factories
from tests.imaging.taking import SPEC


@pytest.fixture(scope="module")
def drawing() -> Any:
    return draw(SPEC, seed=1)


@pytest.fixture(scope="module")
def jpeg(drawing: Any) -> bytes:
    return bytes(drawing.as_jpeg())


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician, mrn="D-1", given_name="Jo")


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)
