"""Uploading images: every door leads to one service, and every refusal leaves nothing behind."""

import hashlib
from datetime import date, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from demo.dermoscopy import Capture, Kind, Lesion, SkinTone, Spec, draw
from demo.dicom import PatientTags, StudyTags, as_dicom
from imaging import formats
from imaging.models import Instance, Quarantine, Rejection
from imaging.storage import vault
from inference.models import Prediction
from patients.services import record_consents
from tests import factories, opinions
from tests.api.calling import NOWHERE, V1, actions, count, errors, problem


@pytest.fixture
def study(technician: Any) -> Any:
    return factories.study(technician, factories.patient(technician))


def upload(client: APIClient, study: Any, data: bytes, name: str = "a.jpg", **fields: Any) -> Any:
    body = {"file": SimpleUploadedFile(name, data)} | fields
    return client.post(f"{V1}/studies/{study.pk}/instances/", body, format="multipart")


def nothing_kept(actor: Any) -> bool:
    return not count(actor, Instance) and not count(actor, Prediction) and not list(vault().names())


@pytest.mark.parametrize("role", ["as_technician", "as_doctor"])
def test_upload(role: str, request: Any, technician: Any, study: Any) -> None:
    opinions.model()
    lesion = factories.lesion(technician, study.patient)
    data = opinions.picture(1)
    answer = upload(request.getfixturevalue(role), study, data, lesion=str(lesion.pk))
    assert answer.status_code == 201
    [prediction] = opinions.predictions(technician)
    assert answer.json() == {
        "id": str(prediction.instance_id),
        "sha256": hashlib.sha256(data).hexdigest(),
        "predictions": [{"id": str(prediction.pk), "status": "queued"}],
    }
    assert prediction.instance.lesion_id == lesion.pk
    assert actions(technician)[-2:] == ["image.admitted", "prediction.requested"]


def test_the_same_bytes_again(as_technician: APIClient, technician: Any, study: Any) -> None:
    opinions.model()
    first = upload(as_technician, study, opinions.picture(1))
    stored = sorted(vault().names())
    again = upload(as_technician, study, opinions.picture(1), name="other.jpeg")
    assert again.status_code == 200
    assert again.json() == first.json()
    assert count(technician, Instance) == count(technician, Prediction) == 1
    assert sorted(vault().names()) == stored


@pytest.mark.parametrize("lesion", [None, ""])
def test_a_lesion_may_be_left_open(
    as_technician: APIClient, technician: Any, study: Any, lesion: str | None
) -> None:
    fields = {} if lesion is None else {"lesion": lesion}
    assert upload(as_technician, study, opinions.picture(1), **fields).status_code == 201
    assert count(technician, Instance, lesion=None) == 1


def test_no_opinion_for_who_opted_out(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    opinions.model()
    record_consents(actor=technician, patient_id=study.patient_id, decisions={"ai_opinion": False})
    answer = upload(as_technician, study, opinions.picture(1))
    assert answer.status_code == 201
    assert answer.json()["predictions"] == []


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.jpg", "empty"),
        (b"<html><script>1</script>", "a.jpg", "not-an-image"),
        (opinions.picture(1)[:2000], "a.jpg", "truncated"),
        (opinions.picture(1), "a.png", "wrong-extension"),
        (b"\0", "a.dcm", "not-an-image"),
        (b"II*\0" + b"\0" * 50, "a.tif", "unsupported-format"),
    ],
    ids=["empty", "html", "truncated", "png", "one-byte", "tiff"],
)
def test_a_file_that_is_refused(
    as_technician: APIClient, technician: Any, study: Any, data: bytes, name: str, code: str
) -> None:
    told = problem(upload(as_technician, study, data, name=name), 422)
    assert told["code"] == code
    assert told["type"].endswith(":upload-refused")
    assert count(technician, Rejection, pk=told["rejection"], code=code) == 1
    assert nothing_kept(technician)


def test_consent_comes_first(as_technician: APIClient, technician: Any) -> None:
    study = factories.study(technician, factories.patient(technician, consent=False))
    assert "consent" in problem(upload(as_technician, study, opinions.picture(1)), 409)["detail"]
    assert nothing_kept(technician)
    assert count(technician, Rejection) == 0


def test_a_file_that_names_another_person_is_held(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    spec = Spec(
        SkinTone.TYPE_II, Lesion(Kind.NEVUS_RETICULAR, seed=1), Capture.plain(), size=(320, 240)
    )
    tags = PatientTags(
        family_name="Somebody", given_name="Else", mrn="X-9", birth_date=date(1950, 1, 1),
        sex="male",
    )  # fmt: skip
    when = StudyTags(key="k", acquired_at=datetime(2026, 1, 2, 10, 0))  # noqa: DTZ001 - as DICOM
    data = as_dicom(draw(spec, seed=1), patient=tags, study=when)
    told = problem(upload(as_technician, study, data, name="a.dcm"), 409)
    assert told["type"].endswith(":quarantined")
    assert count(technician, Quarantine, pk=told["quarantine"], kind="mismatch") == 1
    assert count(technician, Instance) == 0
    assert "Somebody" not in str(told)


def test_the_same_image_of_two_patients_is_held(
    as_technician: APIClient, technician: Any, study: Any
) -> None:
    upload(as_technician, study, opinions.picture(1))
    other = factories.study(technician, factories.patient(technician))
    problem(upload(as_technician, other, opinions.picture(1)), 409)
    assert count(technician, Quarantine, kind="other_patient") == 1
    assert count(technician, Instance) == 1


def test_outsiders(
    as_stranger: APIClient, as_administrator: APIClient, technician: Any, study: Any
) -> None:
    problem(upload(as_stranger, study, opinions.picture(1)), 404)
    problem(upload(as_administrator, study, opinions.picture(1)), 403)
    assert nothing_kept(technician)


def test_a_lesion_of_somebody_else(
    as_technician: APIClient, technician: Any, stranger: Any, study: Any
) -> None:
    for owner in (technician, stranger):
        lesion = factories.lesion(owner, factories.patient(owner))
        problem(upload(as_technician, study, opinions.picture(1), lesion=str(lesion.pk)), 404)
    problem(upload(as_technician, study, opinions.picture(1), lesion=str(NOWHERE)), 404)
    assert nothing_kept(technician)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"file": "text"}, "file"),
        ({}, "file"),
        ({"file": opinions.picture(1), "lesion": "1"}, "lesion"),
        ({"file": opinions.picture(1), "lesion": "\0"}, "lesion"),
        ({"file": opinions.picture(1), "patient": str(NOWHERE)}, "patient"),
    ],
    ids=["text", "none", "no-uuid", "null-byte", "unknown"],
)
def test_a_form_that_makes_no_sense(
    as_technician: APIClient, technician: Any, study: Any, fields: Any, field: str
) -> None:
    body = {
        name: SimpleUploadedFile("a.jpg", value) if isinstance(value, bytes) else value
        for name, value in fields.items()
    }
    url = f"{V1}/studies/{study.pk}/instances/"
    assert field in errors(as_technician.post(url, body, format="multipart"))
    assert nothing_kept(technician)


def test_one_file_at_a_time(as_technician: APIClient, technician: Any, study: Any) -> None:
    files = [SimpleUploadedFile(f"{n}.jpg", opinions.picture(n)) for n in (1, 2)]
    url = f"{V1}/studies/{study.pk}/instances/"
    problem(as_technician.post(url, {"file": files}, format="multipart"), 400)
    assert nothing_kept(technician)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "image/jpeg", "text/plain", "application/x-www-form-urlencoded"],
)
def test_other_media_types(
    as_technician: APIClient, technician: Any, study: Any, content_type: str
) -> None:
    url = f"{V1}/studies/{study.pk}/instances/"
    data = opinions.picture(1)
    problem(as_technician.generic("POST", url, data, content_type=content_type), 415)
    assert nothing_kept(technician)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no part in here"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1"),
        ("multipart/form-data; boundary=x; charset=nonsense", b"--x--"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
    ],
)
def test_a_broken_multipart_body(
    as_technician: APIClient, technician: Any, study: Any, content_type: str, data: bytes
) -> None:
    url = f"{V1}/studies/{study.pk}/instances/"
    answer = as_technician.generic("POST", url, data, content_type=content_type)
    problem(answer, answer.status_code)
    assert answer.status_code in (400, 415)
    assert nothing_kept(technician)


def test_a_file_over_the_limit(
    as_technician: APIClient, technician: Any, study: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("imaging.api.Upload.max_bytes", 1000)
    data = opinions.picture(1) + b"\0" * 70_000
    told = problem(upload(as_technician, study, data), 413)
    assert str(formats.MAX_BYTES // 1024**2) in told["detail"]
    assert nothing_kept(technician)
    assert count(technician, Rejection, code="too-large") == 1


def test_a_large_file_below_the_limit(as_technician: APIClient, study: Any) -> None:
    """One that Django would by itself have put on the disk, unsealed."""
    data = opinions.picture(7, width=3000, height=3000)
    assert len(data) > 2_621_440
    assert upload(as_technician, study, data).status_code == 201
