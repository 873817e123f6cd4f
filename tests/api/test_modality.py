"""How an image was taken, over REST: said with an upload, shown, and put right."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from imaging.models import Instance
from inference.models import Prediction
from tests import factories, opinions
from tests.api.calling import NOWHERE, V1, actions, count, errors


@pytest.fixture
def study(technician: Any) -> Any:
    return factories.study(technician, factories.patient(technician))


def upload(client: APIClient, study: Any, **fields: Any) -> Any:
    body = {"file": SimpleUploadedFile("a.jpg", opinions.picture(1))} | fields
    return client.post(f"{V1}/studies/{study.pk}/instances/", body, format="multipart")


def test_an_upload_says_it_and_asks_the_model_for_it(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    opinions.model()
    clinical = opinions.model("c", modality="clinical")
    answer = upload(as_technician, study, modality="clinical")
    assert answer.status_code == 201
    [prediction] = opinions.predictions(technician)
    assert prediction.model_version_id == clinical.pk
    [shown] = as_technician.get(f"{V1}/studies/{study.pk}/").json()["instances"]
    assert (shown["modality"], len(shown["predictions"])) == ("clinical", 1)


def test_without_a_model_for_it_there_is_no_opinion(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    opinions.model()
    answer = upload(as_technician, study, modality="clinical")
    assert (answer.status_code, answer.json()["predictions"]) == (201, [])
    asked = as_technician.post(f"{V1}/instances/{answer.json()['id']}/predictions/", {})
    assert asked.status_code == 503
    assert "clinical photographs" in asked.json()["detail"]
    assert count(technician, Prediction) == 0


def test_an_unknown_kind_leaves_nothing(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    answer = upload(as_technician, study, modality="palmistry")
    assert answer.status_code == 400
    assert "modality" in errors(answer)
    assert count(technician, Instance) == 0


def test_it_is_put_right(as_doctor: APIClient, technician: Any, study: Any) -> None:
    opinions.model()
    instance = opinions.admit(technician, study.patient, study=study)
    url = f"{V1}/instances/{instance.pk}/modality/"
    answer = as_doctor.post(url, {"modality": "clinical"})
    assert answer.status_code == 200
    assert answer.json()["modality"] == "clinical"
    assert actions(technician).count("image.kind_corrected") == 1
    assert as_doctor.post(url, {"modality": "palmistry"}).status_code == 400
    elsewhere = as_doctor.post(f"{V1}/instances/{NOWHERE}/modality/", {"modality": "clinical"})
    assert elsewhere.status_code == 404
    assert count(technician, Instance, modality="clinical") == 1
