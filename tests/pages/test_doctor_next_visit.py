"""On to the next visit that is free, and its images ahead of it."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from reports.models import Claim
from reports.services.claims import claim_study
from tests import factories
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def test_next_is_the_first_that_nobody_has_and_not_this_one(
    doctors: Client, doctor: Any, clinic: Any
) -> None:
    here, taken, following = (scenes.visit(doctor)[0] for _ in range(3))
    claim_study(actor=factories.actor(clinic, "doctor"), study_id=taken.pk)
    response = doctors.post(reverse("reports:next"), {"from": str(here.pk)})
    assert response.url == reverse("reports:review", args=[following.pk])
    assert scenes.count(doctor, Claim, study=following, doctor=doctor.user) == 1
    assert scenes.count(doctor, Claim, study=here) == 0
    page = doctors.post(reverse("reports:next"), {"from": str(here.pk)}, follow=True)
    assert "No other visit is waiting unclaimed." in page.content.decode()
    assert doctors.post(reverse("reports:next"), {"from": "x"}).url.endswith(f"{here.pk}/")


def test_the_next_visits_images_come_ahead_and_nobody_has_looked(
    doctors: Client, doctor: Any
) -> None:
    here, *_rest = scenes.visit(doctor)
    following, _lesions, [picture] = scenes.visit(doctor)
    answer = doctors.get(reverse("reports:ahead"), {"from": str(here.pk)})
    ahead = reverse("imaging:ahead", args=[picture.pk])
    assert json.loads(answer.content) == {"images": {str(picture.pk): ahead}}
    brought = doctors.get(ahead)
    image = doctors.get(reverse("imaging:image", args=[picture.pk]))
    assert (brought.content, brought["ETag"]) == (image.content, image["ETag"])
    assert "no-store" in brought["Cache-Control"]
    assert scenes.events(doctor, "study.preloaded") == 1
    assert scenes.events(doctor, "image.preloaded") == 1
    assert scenes.events(doctor, "study.viewed") == 0
    assert scenes.events(doctor, "image.viewed") == 1, "the image itself, above"
    assert scenes.count(doctor, Claim, study=following) == 0


def test_what_was_brought_ahead_is_shown_only_after_a_look_that_is_written_down(
    doctors: Client, doctor: Any, strangers: Client
) -> None:
    _study, _lesions, [picture] = scenes.visit(doctor)
    etag = doctors.get(reverse("imaging:ahead", args=[picture.pk]))["ETag"]
    address = reverse("imaging:image", args=[picture.pk])
    looked = doctors.get(address, headers={"If-None-Match": etag})
    assert (looked.status_code, looked.content) == (304, b"")
    assert scenes.events(doctor, "image.viewed") == 1
    refused = strangers.get(address, headers={"If-None-Match": etag})
    assert refused.status_code == 404
    assert Client().get(address, headers={"If-None-Match": etag}).status_code == 302


def test_no_visit_is_free_no_image_comes_ahead(doctors: Client, doctor: Any) -> None:
    here, *_rest = scenes.visit(doctor)
    answer = doctors.get(reverse("reports:ahead"), {"from": str(here.pk)})
    assert json.loads(answer.content) == {"images": {}}
    assert scenes.events(doctor, "study.preloaded") == 0
