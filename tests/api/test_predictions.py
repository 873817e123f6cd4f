"""Reading opinions and their heat maps, and asking for another one."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rest_framework.test import APIClient

from imaging.models import Instance
from inference.models import ModelVersion, Prediction
from inference.network.classes import CLASSES
from patients.services import record_consents
from tests import factories, opinions
from tests.api import ready
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

CODES = {row.key: row.code for row in CLASSES}


@pytest.fixture
def prediction(technician: Any) -> Prediction:
    opinions.model()
    opinions.admit(technician, factories.patient(technician))
    [found] = opinions.predictions(technician)
    return found


def url(prediction: Prediction, what: str = "") -> str:
    return f"{V1}/predictions/{prediction.pk}/{what}"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_a_ready_opinion(role: str, request: Any, technician: Any, prediction: Prediction) -> None:
    ready.answer(technician, "mel", "nv", "bkl", risk=0.6, triage="urgent")
    client = request.getfixturevalue(role)
    answer = client.get(url(prediction))
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "ready"
    assert told["model"] == {
        "name": "test-model", "version": "1", "sha256": prediction.model_version.sha256,
    }  # fmt: skip
    assert told["differential"][0] == {
        "code": CODES["mel"],
        "display": next(row.display for row in CLASSES if row.key == "mel"),
        "probability": 0.5,
    }
    probabilities = [row["probability"] for row in told["differential"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert told["prediction_set"] == [CODES[key] for key in ("mel", "nv", "bkl")]
    assert told["malignant_probability"] == 0.6
    assert told["operating_point"]["threshold"] == 0.1
    assert told["quality"] == {"sharpness": 120.0}
    assert (told["declined_reason"], told["mask_url"], told["error"]) == (None, None, None)
    assert client.get(told["saliency_url"]).status_code == 200
    assert actions(technician).count("prediction.viewed") == 2


@pytest.mark.parametrize("status", ["queued", "superseded"])
def test_an_opinion_without_result(
    as_doctor: APIClient, doctor: Any, prediction: Prediction, status: str
) -> None:
    opinions.change(doctor, status=status)
    told = as_doctor.get(url(prediction)).json()
    assert (told["status"], told["differential"]) == (status, [])
    for name in (
        "malignant_probability", "prediction_set", "operating_point", "quality",
        "declined_reason", "saliency_url", "mask_url", "error",
    ):  # fmt: skip
        assert told[name] is None, name
    problem(as_doctor.get(url(prediction, "saliency/")), 404)


def test_how_large_a_lesion_is_where_the_scale_is_known(
    as_doctor: APIClient, doctor: Any, prediction: Prediction
) -> None:
    assert as_doctor.get(url(prediction)).json()["extent"] is None
    measured = {"diameter_mm": 6.25, "area_mm2": 21.5, "area_share": 0.2}
    opinions.change(doctor, status="ready", result={**ready.result("nv"), "measurements": measured})
    told = as_doctor.get(url(prediction)).json()["extent"]
    assert told == {"diameter_mm": 6.25, "area_mm2": 21.5}


def test_a_declined_opinion(as_doctor: APIClient, doctor: Any, prediction: Prediction) -> None:
    opinions.change(
        doctor, status="declined", declined_reason="Out of focus.", result={"quality": {"x": 1}}
    )
    told = as_doctor.get(url(prediction)).json()
    assert (told["status"], told["declined_reason"]) == ("declined", "Out of focus.")
    assert (told["differential"], told["prediction_set"]) == ([], None)
    assert told["quality"] == {"x": 1}


def test_a_failed_opinion(as_doctor: APIClient, doctor: Any, prediction: Prediction) -> None:
    opinions.change(doctor, status="failed", error="The image could not be read.")
    told = as_doctor.get(url(prediction)).json()
    assert (told["status"], told["error"]) == ("failed", "The image could not be read.")


def test_waiting_is_not_looking(as_doctor: APIClient, doctor: Any, prediction: Prediction) -> None:
    as_doctor.get(url(prediction))
    assert "prediction.viewed" not in actions(doctor)


def test_the_heat_map_lies_over_the_image(
    as_doctor: APIClient, doctor: Any, prediction: Prediction
) -> None:
    ready.answer(doctor)
    answer = as_doctor.get(url(prediction, "saliency/"))
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "private, no-store"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (320, 240)
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    assert not alpha[:, :40].any() and not alpha[:, -40:].any()
    assert alpha[:, 40:-40].max() > 100


def test_outsiders(
    as_stranger: APIClient,
    as_administrator: APIClient,
    as_nobody: APIClient,
    technician: Any,
    prediction: Prediction,
) -> None:
    ready.answer(technician)
    for client, status in [(as_stranger, 404), (as_administrator, 403), (as_nobody, 401)]:
        problem(client.get(url(prediction)), status)
        problem(client.get(url(prediction, "saliency/")), status)
        problem(client.post(url(prediction, "rerun/")), status)
    assert "prediction.viewed" not in actions(technician)
    assert count(technician, Prediction) == 1


def test_rerun(as_doctor: APIClient, doctor: Any, prediction: Prediction) -> None:
    ready.answer(doctor)
    answer = as_doctor.post(url(prediction, "rerun/"), {})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["status"], told["instance"]) == ("queued", str(prediction.instance_id))
    assert told["id"] != str(prediction.pk)
    assert count(doctor, Prediction) == 2
    problem(as_doctor.post(url(prediction, "rerun/")), 409)
    assert count(doctor, Prediction) == 2


def test_rerun_is_the_doctors_wish(
    as_technician: APIClient, technician: Any, prediction: Prediction
) -> None:
    ready.answer(technician)
    problem(as_technician.post(url(prediction, "rerun/")), 403)
    assert count(technician, Prediction) == 1


def test_no_rerun_without_model_or_consent(
    as_doctor: APIClient, doctor: Any, prediction: Prediction
) -> None:
    ready.answer(doctor)
    prediction.model_version.active = False
    prediction.model_version.save(update_fields=["active"])
    problem(as_doctor.post(url(prediction, "rerun/")), 503)
    patient_id = prediction.instance.patient_id
    record_consents(actor=doctor, patient_id=patient_id, decisions={"ai_opinion": False})
    problem(as_doctor.post(url(prediction, "rerun/")), 409)
    assert count(doctor, Prediction) == 1


def test_a_body_where_none_belongs(
    as_doctor: APIClient, doctor: Any, prediction: Prediction
) -> None:
    ready.answer(doctor)
    answer = as_doctor.post(url(prediction, "rerun/"), {"model": str(NOWHERE)})
    assert list(errors(answer)) == ["model"]
    assert count(doctor, Prediction) == 1


@pytest.fixture
def unasked(technician: Any) -> Instance:
    """An image that was admitted before a model was active."""
    instance = opinions.admit(technician, factories.patient(technician))
    opinions.model()
    return instance


def asking(instance: Instance) -> str:
    return f"{V1}/instances/{instance.pk}/predictions/"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_a_first_opinion(role: str, request: Any, technician: Any, unasked: Instance) -> None:
    client = request.getfixturevalue(role)
    answer = client.post(asking(unasked), {})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["status"], told["instance"]) == ("queued", str(unasked.pk))
    [row] = opinions.predictions(technician)
    assert told["id"] == str(row.pk)
    assert actions(technician).count("prediction.requested") == 1
    problem(client.post(asking(unasked)), 409)
    assert count(technician, Prediction) == 1


def test_no_first_opinion_without_model_or_consent(
    as_technician: APIClient, technician: Any, unasked: Instance
) -> None:
    ModelVersion.objects.update(active=False)
    problem(as_technician.post(asking(unasked)), 503)
    record_consents(
        actor=technician, patient_id=unasked.patient_id, decisions={"ai_opinion": False}
    )
    problem(as_technician.post(asking(unasked)), 409)
    assert count(technician, Prediction) == 0


def test_outsiders_ask_for_no_first_opinion(
    as_stranger: APIClient,
    as_administrator: APIClient,
    as_nobody: APIClient,
    technician: Any,
    unasked: Instance,
) -> None:
    for client, status in [(as_stranger, 404), (as_administrator, 403), (as_nobody, 401)]:
        problem(client.post(asking(unasked)), status)
    assert count(technician, Prediction) == 0
