"""The contact sheet on the review's page."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance
from tests import factories
from tests.database import acting_as
from tests.pages.conftest import UNATTENDED
from tests.reports import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _model(db: None) -> None:
    scenes.model()


def followed(doctor: Any, count: int) -> Any:
    """A visit with so many lesions that an earlier one shows, too, and as many not seen now."""
    before, lesions, pictures = scenes.visit(
        doctor, lesions=2 * count, acquired_at=timezone.now() - timedelta(days=90)
    )
    study = factories.study(doctor, before.patient)
    pictures += [scenes.image(doctor, study, lesion) for lesion in lesions[:count]]
    return study, lesions, pictures


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def shown(client: Client, study: Any) -> str:
    page = text(client.get(reverse("reports:review", args=[study.pk])))
    return page.split('class="card sheet"')[1].split("</section>")[0]


def test_every_lesion_beside_its_last_image_and_the_rest_small(
    doctors: Client, doctor: Any
) -> None:
    study, [one, two, gone, _other], pictures = followed(doctor, 2)
    never = factories.lesion(doctor, study.patient)
    said = shown(doctors, study)
    for lesion in (one, two):
        assert f'href="#lesion-{lesion.number}"' in said
    for picture in pictures:
        assert reverse("imaging:thumbnail", args=[picture.pk]) in said
    assert "Not seen today" in said
    assert f"<strong>{gone.number}</strong> {gone.site}" in said
    assert f"<strong>{never.number}</strong> {never.site}" in said
    assert "no image on record" in said
    assert "sizes cannot be compared" in said
    assert said.count("Not assessed") == 2


def test_where_every_file_states_its_scale_all_stand_at_one(doctors: Client, doctor: Any) -> None:
    study, _lesions, pictures = followed(doctor, 1)
    with clinic_context(doctor.clinic_id), acting_as("owner"):
        for picture in pictures:
            spacing = 0.05 if picture.study_id == study.pk else 0.025
            Instance.objects.filter(pk=picture.pk).update(
                source={"pixel_spacing_mm": [spacing, spacing]}
            )
    said = shown(doctors, study)
    assert "All images stand at one scale." in said
    assert 'viewBox="0 0 16 12"' in said
    assert 'x="0.0" y="0.0" width="16.0" height="12.0"' in said
    assert 'x="4.0" y="3.0" width="8.0" height="6.0"' in said
    assert "in a frame: 5 mm" in said


def test_the_sheet_follows_what_is_recorded(doctors: Client, doctor: Any) -> None:
    study, [one, two], [picture, other] = scenes.visit(doctor, lesions=2)
    scenes.finish(doctor, picture, triage="urgent")
    scenes.finish(doctor, other)
    scenes.assess(doctor, study, one)
    scenes.assess(doctor, study, two, scenes.SCC)
    said = shown(doctors, study)
    assert "Urgent" in said
    assert "Assessed" in said
    assert "To be confirmed" in said


def test_three_lesions_cost_as_many_queries_as_nine(doctors: Client, doctor: Any) -> None:
    def queries(study: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            address = reverse("reports:review", args=[study.pk])
            assert doctors.get(address, headers=UNATTENDED).status_code == 200
        return len(captured)

    few, lesions, _pictures = followed(doctor, 3)
    scenes.assess(doctor, few, lesions[0])
    many, lesions, _pictures = followed(doctor, 9)
    for lesion in lesions[:5]:
        scenes.assess(doctor, many, lesion)
    assert queries(many) == queries(few)
