"""The next visit's images come ahead, from a real server into a real browser's memory.

Measured in requests: opening the visit then fetches no image's bytes, and every look is on record.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse
from playwright.sync_api import Browser, Page, Response, expect

from dermaclinic.accounts.actor import member_actor
from dermaclinic.accounts.models import ApiToken, Membership
from tests import factories, opinions
from tests.e2e.conftest import House
from tests.reports import scenes
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

LESIONS = 3


def visit(house: House, seed: int) -> tuple[Any, list[str]]:
    """A visit whose images the server has stored, of somebody without a second opinion."""
    technician = member_actor(house.people["technician"])
    patient = factories.patient(technician, consent=False)
    from patients.services import record_consents

    record_consents(actor=technician, patient_id=patient.pk, decisions={"care": True})
    study = factories.study(technician, patient)
    _token, text = ApiToken.issue(house.people["technician"])
    images = []
    for number in range(LESIONS):
        lesion = factories.lesion(technician, patient)
        picture = SimpleUploadedFile("a.jpg", opinions.picture(seed + number), "image/jpeg")
        sent = Request(  # noqa: S310 - the test's own server
            f"{house.url}api/v1/studies/{study.pk}/instances/",
            data=encode_multipart(BOUNDARY, {"file": picture, "lesion": str(lesion.pk)}),
            headers={"Content-Type": MULTIPART_CONTENT, "Authorization": f"Token {text}"},
        )
        with urlopen(sent) as answer:  # noqa: S310 - the test's own server
            images.append(json.load(answer)["id"])
    return study, images


def sign_in(page: Page, house: House, member: Membership) -> None:
    page.goto(house.url)
    page.get_by_label("E-mail").fill(member.user.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_attached()


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def opening(page: Page, house: House, study: Any, images: list[str]) -> dict[str, bool]:
    """For each image of a visit: was it in memory when its page was opened?"""
    found: dict[str, bool] = {}
    addresses = {reverse("imaging:image", args=[pk]): pk for pk in images}

    def note(response: Response) -> None:
        for address, pk in addresses.items():
            if response.url.endswith(address) and response.request.service_worker is None:
                # What the worker passes on from the server has its ETag; what it held has none.
                found[pk] = response.from_service_worker and "etag" not in response.headers

    page.on("response", note)
    page.goto(house.url.rstrip("/") + reverse("reports:review", args=[study.pk]))
    for _ in images:  # they are fetched as they come into sight
        page.mouse.wheel(0, 5000)
        page.wait_for_load_state("networkidle")
    page.remove_listener("response", note)
    return found


def test_the_next_visit_is_there_before_it_is_opened(page: Page, house: House) -> None:
    doctor = member_actor(house.people["doctor"])
    first, first_images = visit(house, 1)
    second, images = visit(house, 101)

    def has_come_ahead(times: int) -> None:
        wait_until(
            lambda: scenes.events(doctor, "image.preloaded") == times * LESIONS,
            what="the next visit's images",
        )

    sign_in(page, house, house.people["doctor"])
    assert set(opening(page, house, first, first_images).values()) == {False}
    has_come_ahead(1)
    looks = {"object_id__in": images, "detail__rendition": "image"}
    assert scenes.events(doctor, "image.viewed", **looks) == 0
    assert scenes.events(doctor, "study.viewed", object_id=str(second.pk)) == 0
    assert opening(page, house, second, images) == dict.fromkeys(images, True)
    assert scenes.events(doctor, "image.viewed", **looks) >= LESIONS
    has_come_ahead(2)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    sign_in(page, house, house.people["doctor"])
    found = opening(page, house, first, first_images)
    assert set(found.values()) == {False}, "wiped by the sign-out"
    has_come_ahead(3)
