"""On to the next visit that is free, and its images ahead of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.audit import record as audit_record
from dermaclinic.audit.models import Event
from imaging import ahead
from reports.models import Claim
from reports.services.claims import claim_study
from tests import factories
from tests.pages.conftest import browser
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
    address = reverse("imaging:ahead", args=[picture.pk])
    assert json.loads(answer.content) == {"images": {str(picture.pk): address}}
    brought = doctors.get(address)
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
    doctors.get(reverse("reports:ahead"))
    etag = doctors.get(reverse("imaging:ahead", args=[picture.pk]))["ETag"]
    address = reverse("imaging:image", args=[picture.pk])
    looked = doctors.get(address, headers={"If-None-Match": etag})
    assert (looked.status_code, looked.content) == (304, b"")
    assert scenes.events(doctor, "image.viewed") == 1
    refused = strangers.get(address, headers={"If-None-Match": etag})
    assert refused.status_code == 404
    assert Client().get(address, headers={"If-None-Match": etag}).status_code == 302


@pytest.fixture
def denials(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What was written past any rollback, instead of through a second connection."""
    written: list[Event] = []
    monkeypatch.setattr(audit_record, "write_past_rollback", written.append)
    return written


def test_no_image_comes_ahead_but_of_the_visit_that_is_the_doctors_next(
    doctors: Client,
    at_desk: Client,
    strangers: Client,
    doctor: Any,
    clinic: Any,
    denials: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    following, _lesions, [picture] = scenes.visit(doctor)
    _study, _lesions, [other] = scenes.visit(doctor)
    colleague = browser(factories.actor(clinic, "doctor"))
    named, unnamed = (reverse("imaging:ahead", args=[each.pk]) for each in (picture, other))

    def denied(client: Client, address: str, status: int) -> bool:
        before = scenes.events(doctor, "image.preloaded")
        refused = client.get(address)
        assert refused.status_code == status
        assert "image" not in refused["Content-Type"]
        return scenes.events(doctor, "image.preloaded") == before

    assert denied(doctors, named, 404), "nobody was told that it is the next one"
    doctors.get(reverse("reports:ahead"))
    assert scenes.events(doctor, "study.preloaded", object_id=str(following.pk)) == 1
    assert denied(doctors, unnamed, 404)
    assert denied(colleague, named, 404)
    assert denied(at_desk, named, 403)
    assert denied(strangers, named, 404)
    assert doctors.get(named).status_code == 200
    monkeypatch.setattr(ahead, "NAMED_FOR", timedelta(0))
    assert denied(doctors, named, 404), "that was too long ago"
    assert {each.detail["verb"] for each in denials} == {"preload"}
    who = [(each.action, each.role) for each in denials]
    assert who.count(("access.not_found", "doctor")) == len(who) - 1 == 5
    assert who.count(("access.denied", "technician")) == 1


def test_no_visit_is_free_no_image_comes_ahead(doctors: Client, doctor: Any) -> None:
    here, *_rest = scenes.visit(doctor)
    answer = doctors.get(reverse("reports:ahead"), {"from": str(here.pk)})
    assert json.loads(answer.content) == {"images": {}}
    assert scenes.events(doctor, "study.preloaded") == 0
