"""Looking at images, and correcting where they are filed."""

import io
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from imaging.models import Instance
from tests import factories, opinions
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem

REASON = "Taken at the other visit."


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.fixture
def instance(technician: Any, patient: Any) -> Any:
    return opinions.admit(technician, patient)


def url(instance: Any, what: str) -> str:
    return f"{V1}/instances/{instance.pk}/{what}/"


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
@pytest.mark.parametrize(("what", "size"), [("image", (320, 240)), ("thumbnail", None)])
def test_look(
    role: str, request: Any, technician: Any, instance: Any, what: str, size: Any
) -> None:
    answer = request.getfixturevalue(role).get(url(instance, what))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert size is None or picture.size == size
    assert actions(technician).count("image.viewed") == 1


def test_whatever_a_client_accepts(as_doctor: APIClient, instance: Any) -> None:
    for accept in ("image/*", "image/png", "text/html", "nonsense", ""):
        answer = as_doctor.get(url(instance, "image"), HTTP_ACCEPT=accept)
        assert answer.status_code == 200


def test_an_unchanged_image_is_not_sent_again(
    as_doctor: APIClient, doctor: Any, instance: Any
) -> None:
    first = as_doctor.get(url(instance, "image"))
    again = as_doctor.get(url(instance, "image"), HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert actions(doctor).count("image.viewed") == 2


def test_outsiders(
    as_stranger: APIClient,
    as_administrator: APIClient,
    as_nobody: APIClient,
    technician: Any,
    patient: Any,
    instance: Any,
) -> None:
    lesion = factories.lesion(technician, patient)
    study = factories.study(technician, patient)
    posts = {
        "assign": {"lesion": str(lesion.pk)},
        "move": {"study": str(study.pk), "reason": REASON},
    }
    for client, status in [(as_stranger, 404), (as_administrator, 403), (as_nobody, 401)]:
        for what in ("image", "thumbnail"):
            problem(client.get(url(instance, what)), status)
        for what, body in posts.items():
            problem(client.post(url(instance, what), body), status)
    assert "image.viewed" not in actions(technician)
    assert count(technician, Instance, study=instance.study_id, lesion=None) == 1


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_assign(role: str, request: Any, technician: Any, patient: Any, instance: Any) -> None:
    lesion = factories.lesion(technician, patient)
    client = request.getfixturevalue(role)
    answer = client.post(url(instance, "assign"), {"lesion": str(lesion.pk)})
    assert answer.status_code == 200
    assert answer.json()["lesion"] == str(lesion.pk)
    assert count(technician, Instance, lesion=lesion) == 1
    assert "image.assigned" in actions(technician)


def test_assign_to_what_is_not_the_patients(
    as_technician: APIClient, technician: Any, stranger: Any, instance: Any
) -> None:
    others = [factories.lesion(owner, factories.patient(owner)) for owner in (technician, stranger)]
    for lesion in [each.pk for each in others] + [NOWHERE]:
        problem(as_technician.post(url(instance, "assign"), {"lesion": str(lesion)}), 404)
    assert count(technician, Instance, lesion=None) == 1


def test_move_to_another_patient(as_technician: APIClient, technician: Any, instance: Any) -> None:
    opinions.model()
    study = factories.study(technician, factories.patient(technician))
    answer = as_technician.post(url(instance, "move"), {"study": str(study.pk), "reason": REASON})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["study"], told["patient"]) == (str(study.pk), str(study.patient_id))
    assert [each["status"] for each in told["predictions"]] == ["queued"]
    assert actions(technician).count("image.moved") == 2
    problem(
        as_technician.post(url(instance, "move"), {"study": str(study.pk), "reason": REASON}), 409
    )


def test_move_to_who_has_not_agreed(
    as_technician: APIClient, technician: Any, instance: Any
) -> None:
    study = factories.study(technician, factories.patient(technician, consent=False))
    body = {"study": str(study.pk), "reason": REASON}
    problem(as_technician.post(url(instance, "move"), body), 409)
    assert count(technician, Instance, study=instance.study_id) == 1


def test_move_to_another_clinic(
    as_technician: APIClient, technician: Any, stranger: Any, instance: Any
) -> None:
    study = factories.study(stranger, factories.patient(stranger))
    body = {"study": str(study.pk), "reason": REASON}
    problem(as_technician.post(url(instance, "move"), body), 404)
    assert count(technician, Instance, study=instance.study_id) == 1


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("assign", {}, "lesion"),
        ("assign", {"lesion": None}, "lesion"),
        ("assign", {"lesion": "back"}, "lesion"),
        ("assign", {"lesion": str(NOWHERE), "patient": str(NOWHERE)}, "patient"),
        ("move", {"study": str(NOWHERE)}, "reason"),
        ("move", {"study": str(NOWHERE), "reason": "  "}, "reason"),
        ("move", {"study": str(NOWHERE), "reason": "x" * 2001}, "reason"),
        ("move", {"study": str(NOWHERE), "reason": "a\0b"}, "reason"),
        ("move", {"reason": REASON}, "study"),
        ("move", {"study": 7.5, "reason": REASON}, "study"),
    ],
)
def test_what_cannot_be(
    as_technician: APIClient, technician: Any, instance: Any, what: str, body: Any, field: str
) -> None:
    assert field in errors(as_technician.post(url(instance, what), body))
    assert count(technician, Instance, study=instance.study_id, lesion=None) == 1
