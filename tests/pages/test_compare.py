"""The page that compares two images of a lesion, and the address that aligns them."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from imaging.vault import VaultError
from reports.selectors import compare
from tests.database import acting_as
from tests.reports import scenes
from tests.reports.test_compare import lesion_over_time, pictures

pytestmark = pytest.mark.django_db


def address(lesion: Any, **chosen: Any) -> str:
    asked = "&".join(f"{name}={image.pk}" for name, image in chosen.items())
    return f"{reverse('reports:compare', args=[lesion.pk])}?{asked}"


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    return response.content.decode()


def said(page: str) -> str:
    """The panel of what was said."""
    return page[page.index('id="compare-said"') :]


def test_both_images_are_on_the_page(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor, 3)
    page = text(doctors, address(lesion, left=images[0], right=images[2]))
    sides = re.findall(r'data-side="(\w+)".*?href="([^"]+/image/)"', page, re.DOTALL)
    assert sides == [
        ("left", reverse("imaging:image", args=[images[0].pk])),
        ("right", reverse("imaging:image", args=[images[2].pk])),
    ]
    assert page.count("<option") == 6
    assert page.count(" selected>") == 2


def test_a_veiled_opinion_says_how_urgent_and_no_more(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    for each in images:
        scenes.finish(doctor, each, triage="urgent", malignant=0.62, first={"mel": 0.6, "nv": 0.3})
    page = said(text(doctors, address(lesion)))
    assert page.count("Urgent") == 2
    assert "melanoma" not in page.lower()
    assert "62" not in page
    scenes.assess(doctor, images[0].study, lesion, scenes.NEVUS, reason="by daylight")
    page = said(text(doctors, address(lesion)))
    assert page.count("Urgent") == 2
    assert page.count("Malignant or premalignant") == 1, "of the one visit that was assessed"
    assert "by daylight" in page


def test_no_picture_of_the_opinion_is_offered(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    scenes.finish(doctor, images[1])
    page = text(doctors, address(lesion))
    assert "/heat-map/" not in page
    assert "/outline/" not in page


def test_a_scale_that_is_known(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        Instance.objects.filter(pk=images[0].pk).update(source={"pixel_spacing_mm": [0.02, 0.025]})
    page = text(doctors, address(lesion))
    assert re.findall(r'data-ruler="([^"]*)"', page) == ["0.02 0.025", ""]
    assert page.count("does not state its scale") == 1


@pytest.mark.parametrize(("count", "words"), [(0, "no image yet"), (1, "one image so far")])
def test_nothing_to_compare_says_what_to_do(
    doctors: Client, doctor: Actor, count: int, words: str
) -> None:
    lesion, _images = lesion_over_time(doctor, count)
    page = text(doctors, address(lesion))
    assert words in page
    assert "data-pair" not in page


def test_a_nonsensical_choice_is_not_found(doctors: Client, doctor: Actor) -> None:
    lesion, _images = lesion_over_time(doctor)
    path = reverse("reports:compare", args=[lesion.pk])
    assert doctors.get(f"{path}?left=nonsense").status_code == 404


def test_aligned(doctors: Client, doctor: Actor) -> None:
    lesion, images = pictures(doctor, turn_degrees=-15.0)
    response = doctors.get(reverse("reports:aligned", args=[lesion.pk, images[0].pk, images[1].pk]))
    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    found = response.json()
    assert found["aligned"] is True
    assert found["degrees"] == pytest.approx(15, abs=0.3)
    assert found["scale"] == pytest.approx(0.5, abs=0.005)
    assert f"{found['found']} of {found['asked']}" in found["said"]


def test_not_aligned(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    path = reverse("reports:aligned", args=[lesion.pk, images[0].pk, images[1].pk])
    found = doctors.get(path).json()
    assert found.pop("said").startswith("The images could not be aligned")
    assert found == {"aligned": False}


def test_an_alignment_that_takes_too_long(
    doctors: Client, doctor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesion, images = lesion_over_time(doctor)
    monkeypatch.setattr(compare, "SECONDS", 0.0)
    path = reverse("reports:aligned", args=[lesion.pk, images[0].pk, images[1].pk])
    found = doctors.get(path).json()
    assert found.pop("said").startswith("Aligning took too long")
    assert found == {"aligned": False}


def test_an_image_that_cannot_be_opened(
    doctors: Client, doctor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesion, images = lesion_over_time(doctor)

    def broken() -> Any:
        raise VaultError("gone")

    monkeypatch.setattr(compare, "vault", broken)
    path = reverse("reports:aligned", args=[lesion.pk, images[0].pk, images[1].pk])
    assert doctors.get(path).status_code == 503


def test_the_review_leads_here(doctors: Client, doctor: Actor) -> None:
    lesion, images = lesion_over_time(doctor)
    page = text(doctors, reverse("reports:review", args=[images[1].study_id]))
    wanted = address(lesion, left=images[0], right=images[1]).replace("&", "&amp;")
    assert page.count(f'href="{wanted}"') == 2
