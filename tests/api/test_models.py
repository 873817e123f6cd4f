"""The registry over REST: who may look, who may choose, and what is answered."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from inference.models import ModelVersion
from tests import opinions
from tests.api.calling import NOWHERE, V1, problem

MODELS = f"{V1}/models/"


def url(model: ModelVersion, what: str = "") -> str:
    return f"{MODELS}{model.pk}/{what}"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor", "as_administrator"])
def test_every_member_sees_the_models(request: Any, role: str) -> None:
    client = request.getfixturevalue(role)
    answering, other = opinions.model("1"), opinions.model("2", active=False)
    listed = client.get(MODELS).json()
    assert [row["id"] for row in listed] == [str(answering.pk), str(other.pk)]
    assert [(row["active"], row["shadow"]) for row in listed] == [(True, False), (False, False)]
    told = client.get(url(answering)).json()
    assert (told["sha256"], told["modality"]) == (answering.sha256, "dermoscopy")
    assert (told["metrics"], told["card"]) == ({}, "")
    problem(client.get(f"{MODELS}{NOWHERE}/"), 404)


def test_an_administrator_chooses_and_goes_back(as_administrator: APIClient) -> None:
    old, new = opinions.model("1"), opinions.model("2", active=False)
    assert as_administrator.post(url(new, "shadow/"), {}).json()["shadow"] is True
    told = as_administrator.post(url(new, "activate/"), {}).json()
    assert (told["active"], told["shadow"]) == (True, False)
    assert as_administrator.post(url(new, "roll-back/"), {}).json()["id"] == str(old.pk)
    problem(as_administrator.post(url(new, "roll-back/"), {}), 409)
    problem(as_administrator.post(url(new, "stop-shadow/"), {}), 409)
    assert as_administrator.post(url(old, "deactivate/"), {}).json()["active"] is False
    assert not ModelVersion.objects.filter(active=True).exists()


@pytest.mark.parametrize("what", ["activate", "deactivate", "roll-back", "shadow", "stop-shadow"])
def test_a_doctor_changes_nothing(as_doctor: APIClient, what: str) -> None:
    old, new = opinions.model("1"), opinions.model("2", active=False)
    target = old if what in ("deactivate", "roll-back") else new
    problem(as_doctor.post(url(target, f"{what}/"), {}), 403)
    assert list(ModelVersion.objects.filter(active=True)) == [old]
    assert not ModelVersion.objects.filter(shadow=True).exists()
