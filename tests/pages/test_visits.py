"""The visit's page: uploads, tiles, what was refused; and the image's bytes."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import StopUpload
from django.test import Client, RequestFactory
from django.urls import reverse

from dermaclinic.audit.models import Event
from imaging.formats import MAX_BYTES
from imaging.models import Instance, Rejection, Study
from imaging.storage import vault
from imaging.uploads import SealedMemoryUploadHandler
from tests import factories
from tests.imaging import files

pytestmark = pytest.mark.django_db
Rows = Callable[..., list[Any]]


def upload(client: Client, study: Any, data: bytes, name: str = "a.jpg", **fields: str) -> Any:
    file = SimpleUploadedFile(name, data, content_type="application/octet-stream")
    return client.post(reverse("imaging:upload", args=[study.pk]), {"file": file, **fields})


@pytest.fixture
def patient(technician: Any) -> Any:
    return factories.patient(technician)


@pytest.fixture
def study(technician: Any, patient: Any) -> Any:
    return factories.study(technician, patient)


@pytest.fixture
def image(at_desk: Client, study: Any, rows: Rows) -> Any:
    assert upload(at_desk, study, files.jpeg(files.texture())).status_code == 201
    return rows(Instance)[0]


def test_a_visit_starts_now_or_when_it_was(at_desk: Client, patient: Any, rows: Rows) -> None:
    address = reverse("imaging:start", args=[patient.pk])
    now = at_desk.post(address)
    at_desk.post(address, {"acquired_at": "2020-05-04T10:30"})
    visits = rows(Study)
    assert now.url == reverse("imaging:visit", args=[visits[0].pk])
    assert f"{visits[1].acquired_at:%Y-%m-%d %H:%M}" == "2020-05-04 10:30"


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("2999-01-01T00:00", "lies in the future"),
        ("1900-01-01T00:00", "before the patient&#x27;s birth"),
        ("yesterday", "not a date and time"),
    ],
)
def test_an_impossible_visit_is_explained(
    at_desk: Client, patient: Any, rows: Rows, when: str, sentence: str
) -> None:
    address = reverse("imaging:start", args=[patient.pk])
    page = at_desk.post(address, {"acquired_at": when}, follow=True).content.decode()
    assert sentence in page
    assert not rows(Study)


def test_an_upload_answers_with_its_tile(
    at_desk: Client, technician: Any, patient: Any, study: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient)
    response = upload(at_desk, study, files.jpeg(), lesion=str(lesion.pk))
    (image,) = rows(Instance)
    assert response.status_code == 201
    assert f'data-image="{image.pk}"' in response.content.decode()
    assert image.lesion_id == lesion.pk
    page = at_desk.get(reverse("imaging:visit", args=[study.pk])).content.decode()
    assert reverse("imaging:thumbnail", args=[image.pk]) in page
    assert f'data-pending="{image.pk}:"' in page  # its opinion is asked for with all others
    assert reverse("inference:briefs", args=[study.pk]) in page


def test_the_same_file_again_is_the_same_image(at_desk: Client, study: Any, rows: Rows) -> None:
    first = upload(at_desk, study, files.jpeg())
    again = upload(at_desk, study, files.jpeg(), name="other-name.jpg")
    assert (first.status_code, again.status_code) == (201, 200)
    (image,) = rows(Instance)
    assert f'data-image="{image.pk}"' in again.content.decode()


def test_without_scripts_the_visit_comes_again(at_desk: Client, study: Any, rows: Rows) -> None:
    address = reverse("imaging:upload", args=[study.pk])
    plain = {"Sec-Fetch-Dest": "document"}
    stored, refused = (
        at_desk.post(
            address, {"file": SimpleUploadedFile("a.jpg", data)}, headers=plain, follow=True
        )
        for data in (files.jpeg(), b"<html>")
    )
    assert stored.redirect_chain == [(reverse("imaging:visit", args=[study.pk]), 302)]
    assert "The image is stored" in stored.content.decode()
    assert "This is not an image" in refused.content.decode()
    assert (len(rows(Instance)), len(rows(Rejection))) == (1, 1)


@pytest.mark.parametrize(("data", "code"), [(b"", "empty"), (b"<html>no</html>", "not-an-image")])
def test_a_refused_file_says_why_and_stays_in_the_list(
    at_desk: Client, study: Any, rows: Rows, data: bytes, code: str
) -> None:
    response = upload(at_desk, study, data)
    (rejection,) = rows(Rejection)
    body = response.json()
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (body["code"], body["detail"]) == (code, rejection.reason)
    assert not rows(Instance)
    assert not list(vault().names())
    listed = at_desk.get(reverse("imaging:arrivals", args=[study.pk])).content.decode()
    assert rejection.sha256[:12] in listed


def test_without_consent_nothing_can_be_uploaded(
    at_desk: Client, technician: Any, rows: Rows
) -> None:
    patient = factories.patient(technician, consent=False)
    study = factories.study(technician, patient)
    page = at_desk.get(reverse("imaging:visit", args=[study.pk])).content
    response = upload(at_desk, study, files.jpeg())
    assert b"No image can be stored yet" in page
    assert b'id="upload"' not in page
    assert response.status_code == 409
    assert "consent" in response.json()["detail"]
    assert not rows(Instance)


def test_no_file_and_a_strange_lesion_are_explained(
    at_desk: Client, study: Any, rows: Rows
) -> None:
    empty = at_desk.post(reverse("imaging:upload", args=[study.pk]))
    strange = upload(at_desk, study, files.jpeg(), lesion="rubbish")
    foreign = upload(at_desk, study, files.jpeg(), lesion=str(uuid.uuid4()))
    assert (empty.status_code, strange.status_code, foreign.status_code) == (400, 400, 404)
    assert "No file has arrived" in empty.json()["detail"]
    assert not rows(Instance)


def test_an_upload_needs_the_forms_token(technician: Any, study: Any, rows: Rows) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.user(technician))
    assert upload(client, study, files.jpeg()).status_code == 403
    assert not rows(Instance)


def test_an_image_is_assigned_afterwards(
    at_desk: Client, technician: Any, patient: Any, image: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient)
    address = reverse("imaging:assign", args=[image.pk])
    assert at_desk.post(address, {"lesion": ""}).status_code == 400
    tile = at_desk.post(address, {"lesion": str(lesion.pk)}).content.decode()
    assert f'value="{lesion.pk}" selected' in tile
    assert rows(Instance)[0].lesion_id == lesion.pk


@pytest.mark.parametrize("which", ["image", "thumbnail"])
def test_bytes_are_private_checked_and_on_record(
    at_desk: Client, image: Any, rows: Rows, which: str
) -> None:
    address = reverse(f"imaging:{which}", args=[image.pk])
    response = at_desk.get(address)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == "inline"
    assert files.pixels(response.content).ndim == 3

    again = at_desk.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-store"
    looks = rows(Event, action="image.viewed", detail__rendition=which)
    assert [look.object_id for look in looks] == [str(image.pk)] * 2


def test_nobody_else_gets_at_an_image(
    strangers: Client, administrators: Client, image: Any, study: Any
) -> None:
    for name in ("image", "thumbnail", "instance", "move"):
        address = reverse(f"imaging:{name}", args=[image.pk])
        assert strangers.get(address).status_code == 404
        assert administrators.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    visit = reverse("imaging:visit", args=[study.pk])
    assert strangers.get(visit).status_code == 404
    assert upload(strangers, study, files.png()).status_code == 404


def test_an_image_whose_bytes_are_gone_is_a_calm_page(at_desk: Client, image: Any) -> None:
    vault().delete(image.image_name)
    response = at_desk.get(reverse("imaging:image", args=[image.pk]))
    assert response.status_code == 503
    assert b"cannot be opened" in response.content


def test_the_record_shows_lesions_over_visits(
    at_desk: Client, technician: Any, patient: Any, study: Any, rows: Rows
) -> None:
    lesion = factories.lesion(technician, patient, note="below the blade")
    upload(at_desk, study, files.jpeg(), lesion=str(lesion.pk))
    upload(at_desk, study, files.png(), name="b.png")
    response = at_desk.get(reverse("patients:detail", args=[patient.pk]))
    page = response.content.decode()
    assert all(reverse("imaging:thumbnail", args=[each.pk]) in page for each in rows(Instance))
    assert "below the blade" in page
    assert "Not assigned to a lesion" in page
    assert reverse("imaging:visit", args=[study.pk]) in page


def test_the_latest_visits_greet_and_are_on_record(
    at_desk: Client, study: Any, patient: Any, rows: Rows
) -> None:
    page = at_desk.get(reverse("patients:find")).content.decode()
    assert reverse("imaging:visit", args=[study.pk]) in page
    (event,) = rows(Event, action="patient.searched")
    assert event.detail == {"shown": [str(patient.pk)], "fields": ["latest_visits"]}


def test_poor_quality_is_told_while_the_patient_is_there(
    at_desk: Client, study: Any, rows: Rows
) -> None:
    dark = files.texture() // 20
    tile = upload(at_desk, study, files.jpeg(dark)).content.decode()
    assert rows(Instance)[0].quality["verdict"] == "poor"
    assert "Poor quality" in tile
    assert "too dark" in tile


def test_the_images_page_says_what_it_is(at_desk: Client, image: Any) -> None:
    page = at_desk.get(reverse("imaging:instance", args=[image.pk])).content.decode()
    assert image.sha256 in page
    assert reverse("imaging:image", args=[image.pk]) in page


@pytest.mark.parametrize("extra", [1, 1_000_000])
def test_a_file_over_the_limit_is_refused_while_it_arrives(
    at_desk: Client, study: Any, rows: Rows, extra: int
) -> None:
    response = upload(at_desk, study, bytes(MAX_BYTES + extra))
    assert response.status_code == 422
    assert "larger than the 64 MB" in response.json()["detail"]
    assert not rows(Instance)
    assert [each.code for each in rows(Rejection)] == ["too-large"]


def test_strangers_fill_no_memory() -> None:
    """Nobody has signed in: of a large body not a chunk is kept."""
    request = RequestFactory().post("/sign-in/")
    request.user = AnonymousUser()
    handler = SealedMemoryUploadHandler(request)
    handler.handle_raw_input(io.BytesIO(), {}, 1_000_000, b"")
    with pytest.raises(StopUpload):
        handler.receive_data_chunk(b"x" * 1000, 0)
