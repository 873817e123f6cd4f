"""A POST with an Idempotency-Key happens once."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from dermaclinic.accounts.models import IdempotencyKey, Membership
from dermaclinic.rest import idempotency
from imaging.models import Instance, Rejection
from patients.models import Lesion, Patient
from reports.models import Report
from tests import factories, opinions
from tests.api.calling import V1, as_member, count, problem
from tests.database import acting_as
from tests.reports import scenes

PATIENTS = f"{V1}/patients/"
BODY = {
    "mrn": "A-1", "family_name": "Muster", "given_name": "Eva", "birth_date": "1980-02-29",
    "sex": "female",
}  # fmt: skip
KEY = "4f1c-order-1"


def post(client: APIClient, url: str, body: Any, key: str = KEY, **more: Any) -> Any:
    return client.post(url, body, HTTP_IDEMPOTENCY_KEY=key, **more)


def kept() -> list[IdempotencyKey]:
    """What is kept of all clinics."""
    with acting_as("owner"):
        return list(IdempotencyKey.objects.all())


def change(**values: Any) -> None:
    """Set columns of all that is kept."""
    with acting_as("owner"):
        IdempotencyKey.objects.update(**values)


def test_the_first_answer_again(as_technician: APIClient, technician: Any) -> None:
    first = post(as_technician, PATIENTS, BODY)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first
    again = post(as_technician, PATIENTS, dict(reversed(BODY.items())))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert count(technician, Patient) == 1


def test_a_refusal_is_an_answer_too(as_technician: APIClient, technician: Any) -> None:
    as_technician.post(PATIENTS, BODY)
    first = problem(post(as_technician, PATIENTS, BODY), 409)
    again = post(as_technician, PATIENTS, BODY)
    assert problem(again, 409) == first
    assert again["Idempotency-Replayed"] == "true"


def test_an_upload_again(as_technician: APIClient, technician: Any) -> None:
    study = factories.study(technician, factories.patient(technician))
    url = f"{V1}/studies/{study.pk}/instances/"

    def upload(data: bytes) -> Any:
        file = SimpleUploadedFile("a.jpg", data)
        return post(as_technician, url, {"file": file}, format="multipart")

    first = upload(opinions.picture(1))
    again = upload(opinions.picture(1))
    assert (again.status_code, again.json()) == (201, first.json())
    assert problem(upload(opinions.picture(2)), 422)["type"].endswith(":idempotency-key-reused")
    assert count(technician, Instance) == 1


def test_a_refused_upload_again(as_technician: APIClient, technician: Any) -> None:
    study = factories.study(technician, factories.patient(technician))
    url = f"{V1}/studies/{study.pk}/instances/"
    told = [
        problem(
            post(
                as_technician, url, {"file": SimpleUploadedFile("a.jpg", b"no")},
                format="multipart",
            ),
            422,
        )
        for _time in range(2)
    ]  # fmt: skip
    assert told[0] == told[1]
    assert count(technician, Rejection) == 1


def test_a_signature_again(as_doctor: APIClient, doctor: Any) -> None:
    report, *_ = scenes.draft(doctor)
    url = f"{V1}/reports/{report.pk}/sign/"
    first = post(as_doctor, url, {"password": factories.PASSWORD})
    again = post(as_doctor, url, {"password": factories.PASSWORD})
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    problem(post(as_doctor, url, {"password": "another"}), 422)
    assert count(doctor, Report, status="signed") == 1


def test_an_empty_answer_again(as_doctor: APIClient, doctor: Any) -> None:
    study = factories.study(doctor, factories.patient(doctor))
    for _time in range(2):
        answer = post(as_doctor, f"{V1}/studies/{study.pk}/release/", {})
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_key_is_for_one_request(as_technician: APIClient, technician: Any) -> None:
    told = post(as_technician, PATIENTS, BODY).json()
    problem(post(as_technician, PATIENTS, BODY | {"mrn": "A-2"}), 422)
    lesions = f"{PATIENTS}{told['id']}/lesions/"
    problem(post(as_technician, lesions, BODY), 422)
    assert count(technician, Patient) == 1
    assert count(technician, Lesion) == 0


def test_a_key_is_one_members(
    as_technician: APIClient, as_doctor: APIClient, as_stranger: APIClient, technician: Any
) -> None:
    assert post(as_technician, PATIENTS, BODY).status_code == 201
    assert post(as_doctor, PATIENTS, BODY | {"mrn": "A-2"}).status_code == 201
    assert post(as_stranger, PATIENTS, BODY).status_code == 201
    assert count(technician, Patient) == 2


def test_while_the_first_is_being_worked_on(as_technician: APIClient, technician: Any) -> None:
    post(as_technician, PATIENTS, BODY)
    change(status=None, body=None)
    assert problem(post(as_technician, PATIENTS, BODY), 409)["type"].endswith(":in-progress")
    assert count(technician, Patient) == 1


@pytest.mark.parametrize(
    ("age", "status"), [(idempotency.LASTS, 201), (idempotency.ABANDONED, None)]
)
def test_a_lapsed_key_is_free(
    as_technician: APIClient, technician: Any, age: timedelta, status: int | None
) -> None:
    post(as_technician, PATIENTS, BODY)
    past = timezone.now() - age - timedelta(seconds=1)
    change(created_at=past, status=status)
    answer = post(as_technician, PATIENTS, BODY | {"mrn": "A-2"})
    assert answer.status_code == 201
    assert count(technician, Patient) == 2
    assert post(as_technician, PATIENTS, BODY | {"mrn": "A-2"}).json() == answer.json()


def test_a_defect_leaves_the_key_free(
    as_technician: APIClient, technician: Any, monkeypatch: Any
) -> None:
    def fail(**_fields: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("patients.services.register_patient", fail)
        with pytest.raises(ZeroDivisionError):
            post(as_technician, PATIENTS, BODY)
    assert kept() == []
    assert post(as_technician, PATIENTS, BODY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "käse", "a\tb", "a\0b"])
def test_a_key_that_is_none(as_technician: APIClient, technician: Any, key: str) -> None:
    problem(post(as_technician, PATIENTS, BODY, key=key), 400)
    assert count(technician, Patient) == 0
    assert kept() == []


def test_a_broken_body_uses_no_key(as_technician: APIClient, technician: Any) -> None:
    answer = as_technician.generic(
        "POST", PATIENTS, b"{", content_type="application/json", HTTP_IDEMPOTENCY_KEY=KEY
    )
    problem(answer, 400)
    assert kept() == []
    assert post(as_technician, PATIENTS, BODY).status_code == 201


def test_nothing_readable_is_kept(as_technician: APIClient, technician: Any) -> None:
    post(as_technician, PATIENTS, BODY)
    written = json.dumps([vars(row) for row in kept()], default=str)
    for secret in ("Muster", "Eva", "1980", "A-1"):
        assert secret not in written


def test_another_secret_key_cannot_read_it(
    as_technician: APIClient, technician: Any, monkeypatch: Any
) -> None:
    post(as_technician, PATIENTS, BODY)
    [row] = kept()
    change(body="gAAAAA" + row.body[6:].swapcase())
    assert "no longer" in problem(post(as_technician, PATIENTS, BODY), 409)["detail"]
    assert count(technician, Patient) == 1


def test_old_keys_are_removed(as_technician: APIClient, clinic: Any) -> None:
    post(as_technician, PATIENTS, BODY)
    change(created_at=timezone.now() - idempotency.LASTS * 2)
    post(as_member(factories.actor(clinic, "doctor")), PATIENTS, BODY | {"mrn": "A-2"})
    with acting_as("worker"):
        assert idempotency.delete_expired() == 1
    assert len(kept()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once(technician: Any) -> None:
    together = threading.Barrier(2)

    def register(client: APIClient) -> int:
        try:
            together.wait(timeout=20)
            return int(post(client, PATIENTS, BODY).status_code)
        finally:
            connection.close()

    clients = [as_member(technician), as_member(technician)]
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(register, clients))
    assert answers in ([201, 201], [201, 409])
    assert count(technician, Patient) == 1


def test_a_key_is_one_roles(as_technician: APIClient, technician: Any) -> None:
    post(as_technician, PATIENTS, BODY)
    with acting_as("owner"):
        Membership.objects.filter(user=technician.user).update(role="doctor")
    told = problem(post(as_technician, PATIENTS, BODY), 422)
    assert told["type"].endswith(":idempotency-key-reused")
    assert "Muster" not in str(told)
    assert count(technician, Patient) == 1
