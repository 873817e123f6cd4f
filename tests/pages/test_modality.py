"""Saying how an image was taken, on the visit's and on the image's page."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from imaging.models import Instance
from inference.models import Prediction
from tests import opinions
from tests.reports import scenes

pytestmark = pytest.mark.django_db


def brief(client: Client, instance: Any) -> str:
    return client.get(reverse("inference:status", args=[instance.pk])).content.decode()


def test_an_upload_says_how_it_was_taken(at_desk: Client, technician: Any) -> None:
    study, _lesions, _images = scenes.visit(technician, lesions=0)
    page = at_desk.get(reverse("imaging:visit", args=[study.pk])).content.decode()
    assert '<option value="clinical">' in page
    file = SimpleUploadedFile("a.jpg", opinions.picture(7))
    sent = {"file": file, "modality": "clinical"}
    answer = at_desk.post(reverse("imaging:upload", args=[study.pk]), sent)
    assert answer.status_code == 201
    assert "Clinical photograph" in answer.content.decode()
    assert scenes.count(technician, Instance, modality="clinical") == 1


def test_an_upload_of_an_unknown_kind_leaves_nothing(at_desk: Client, technician: Any) -> None:
    study, _lesions, _images = scenes.visit(technician, lesions=0)
    file = SimpleUploadedFile("a.jpg", opinions.picture(7))
    sent = {"file": file, "modality": "palmistry"}
    answer = at_desk.post(reverse("imaging:upload", args=[study.pk]), sent)
    assert answer.status_code == 400
    assert scenes.count(technician, Instance) == 0


def test_no_model_for_a_kind_is_said_where_the_image_is_shown(
    at_desk: Client, doctors: Client, technician: Any
) -> None:
    scenes.model()
    study, _lesions, [image] = scenes.visit(technician)
    opinions.change(technician, status="failed", error="It failed.")
    kind = reverse("imaging:modality", args=[image.pk])
    assert (
        f'hx-post="{kind}"'
        in at_desk.get(reverse("imaging:instance", args=[image.pk])).content.decode()
    )
    answer = at_desk.post(kind, {"modality": "clinical"})
    assert "Clinical photograph" in answer.content.decode()
    said = "No model for clinical photographs is active."
    assert said in brief(at_desk, image)
    assert said in doctors.get(reverse("reports:review", args=[study.pk])).content.decode()


def test_nothing_is_offered_where_no_model_reads_such_images(
    at_desk: Client, technician: Any
) -> None:
    scenes.model()
    image = opinions.admit(technician, modality="other")
    page = brief(at_desk, image)
    assert "There is no model for this kind of image." in page
    assert reverse("inference:ask", args=[image.pk]) not in page
    answer = at_desk.post(reverse("inference:ask", args=[image.pk]), follow=True)
    assert "There is no model for this kind of image." in answer.content.decode()
    assert scenes.count(technician, Prediction) == 0
