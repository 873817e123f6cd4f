"""An object that is gone from the vault: a calm answer everywhere, and a line in the log."""

import logging
from typing import Any

import pytest
from django.urls import reverse

from imaging.storage import vault
from tests.api.calling import V1, as_member, problem
from tests.pages.conftest import browser
from tests.reports import scenes

pytestmark = pytest.mark.django_db


def test_it_is_no_defect(doctor: Any, caplog: pytest.LogCaptureFixture) -> None:
    study, _lesions, [image] = scenes.visit(doctor)
    for name in list(vault().names()):
        vault().delete(name)
    with caplog.at_level(logging.ERROR):
        told = problem(as_member(doctor).get(f"{V1}/instances/{image.pk}/image/"), 503)
    assert told["type"] == "urn:dermaclinic:problem:unavailable"
    assert "VaultMissing" in caplog.text
    assert study.patient.family_name not in caplog.text
    page = browser(doctor).get(reverse("imaging:image", args=[image.pk]))
    assert page.status_code == 503
