"""The model is chosen by how the image was taken; where there is none, there is no answer."""

from typing import Any

import pytest

from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound, Unavailable
from imaging.services import correct_modality
from inference.models import ModelVersion, Prediction, Status
from inference.services import requests
from tests import opinions


@pytest.fixture(autouse=True)
def dermoscopy(db: None) -> ModelVersion:
    return opinions.model()


@pytest.fixture
def clinical(db: None) -> ModelVersion:
    return opinions.model("c", modality="clinical")


def test_each_kind_has_its_own_model(
    technician: Any, dermoscopy: ModelVersion, clinical: ModelVersion
) -> None:
    first = opinions.admit(technician, seed=1)
    second = opinions.admit(technician, seed=2, modality="clinical")
    asked = {row.instance_id: row.model_version_id for row in opinions.predictions(technician)}
    assert asked == {first.pk: dermoscopy.pk, second.pk: clinical.pk}


@pytest.mark.parametrize("kind", ["clinical", "other"])
def test_without_its_model_there_is_no_answer(technician: Any, kind: str) -> None:
    instance = opinions.admit(technician, modality=kind)
    with pytest.raises(Unavailable) as refused:
        requests.request_first(actor=technician, instance_id=instance.pk)
    assert refused.value.detail == requests.NO_MODEL[kind]
    assert opinions.predictions(technician) == []


def test_a_corrected_kind_asks_the_right_model(
    technician: Any, dermoscopy: ModelVersion, clinical: ModelVersion
) -> None:
    instance = opinions.admit(technician)
    correct_modality(actor=technician, instance_id=instance.pk, modality="clinical")
    old, new = opinions.predictions(technician)
    assert (old.status, old.model_version_id) == (Status.SUPERSEDED, dermoscopy.pk)
    assert (new.status, new.model_version_id) == (Status.QUEUED, clinical.pk)


def test_a_wrong_models_opinion_does_not_stay(technician: Any) -> None:
    instance = opinions.admit(technician)
    opinions.change(technician, status="failed", error="It failed.")
    correct_modality(actor=technician, instance_id=instance.pk, modality="clinical")
    _old, new = opinions.predictions(technician)
    assert (new.status, new.declined_reason) == (
        Status.DECLINED,
        str(requests.NO_MODEL["clinical"]),
    )


def shadows(actor: Any) -> list[Prediction]:
    with clinic_context(actor.clinic_id):
        return list(Prediction.shadows.order_by("rerun"))


@pytest.fixture
def shade(clinical: ModelVersion) -> ModelVersion:
    """A model in the shadow of the one for clinical photographs."""
    model = opinions.model("s", active=False, modality="clinical")
    ModelVersion.objects.filter(pk=model.pk).update(shadow=True)
    return model


def test_a_shadow_is_asked_beside_its_own_kind_only(technician: Any, shade: ModelVersion) -> None:
    opinions.admit(technician, seed=1)
    assert shadows(technician) == []
    instance = opinions.admit(technician, seed=2, modality="clinical")
    (beside,) = shadows(technician)
    assert (beside.instance_id, beside.model_version_id) == (instance.pk, shade.pk)
    assert len(opinions.predictions(technician)) == 2


def test_a_shadow_is_no_opinion(technician: Any, doctor: Any, shade: ModelVersion) -> None:
    opinions.admit(technician, modality="clinical")
    (beside,) = shadows(technician)
    with pytest.raises(NotFound):
        requests.rerun(actor=doctor, prediction_id=beside.pk)
    opinions.change(technician, status="failed", error="It failed.")
    (first,) = opinions.predictions(technician)
    again = requests.rerun(actor=doctor, prediction_id=first.pk)
    assert (again.rerun, [row.rerun for row in shadows(technician)]) == (1, [0, 1])


def test_a_shadow_waits_no_more_when_the_kind_is_corrected(
    technician: Any, shade: ModelVersion
) -> None:
    instance = opinions.admit(technician, modality="clinical")
    correct_modality(actor=technician, instance_id=instance.pk, modality="other")
    assert [row.status for row in shadows(technician)] == [Status.SUPERSEDED]
    assert [row.status for row in opinions.predictions(technician)] == ["superseded", "declined"]
